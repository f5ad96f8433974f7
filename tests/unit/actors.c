// actors.c -- see actors.h. AddressSanitizer is told of each switch of stacks.
#include "actors.h"
#include "ready.h"
#include <sanitizer/common_interface_defs.h>

#define STACK_BYTES (256u << 10)

// Saves the callee's registers and the stack pointer in *save, goes on where `to` was saved.
void actors_switch(void **save, void *to);
__asm__(".text\n"
        "actors_switch:\n"
        "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
        "  ret\n");

typedef struct Context {
    void *sp;
    char *stack;
    void *fake;
    bool busy; // in an act
} Context;

static void *test_sp, *test_fake;
static const void *test_stack;
static size_t test_stack_bytes;
static Actor *readied[64];
static int readied_n;

static void to_test(Actor *a) {
    Context *c = a->context;
    __sanitizer_start_switch_fiber(&c->fake, test_stack, test_stack_bytes);
    actors_switch(&c->sp, test_sp);
    __sanitizer_finish_switch_fiber(c->fake, NULL, NULL);
}

static _Noreturn void run(void) {
    __sanitizer_finish_switch_fiber(NULL, &test_stack, &test_stack_bytes);
    for (;;) {
        Actor *a = actor_self();
        a->act(a);
        ((Context *)a->context)->busy = false;
        to_test(a);
    }
}

static bool to_actor(Actor *a) {
    Context *c = a->context;
    P *p = p_self();
    p->g = &a->g;
    __sanitizer_start_switch_fiber(&test_fake, c->stack, STACK_BYTES);
    actors_switch(&test_sp, c->sp);
    __sanitizer_finish_switch_fiber(test_fake, NULL, NULL);
    p->g = NULL;
    return !c->busy;
}

Actor *actor_new(int number) {
    Actor *a = aligned_alloc(64, (sizeof *a + 63) & ~(size_t)63);
    Context *c = calloc(1, sizeof *c);
    memset(a, 0, sizeof *a);
    a->number = number;
    a->g.id = (uint64_t)number;
    a->context = c;
    store_relaxed(&a->g.state, G_RUNNING);
    c->stack = aligned_alloc(4096, STACK_BYTES);
    void **sp = (void **)(c->stack + STACK_BYTES) - 2;
    *sp = (void *)run;
    c->sp = sp - 6;
    memset(c->sp, 0, 6 * sizeof *sp);
    return a;
}

bool actor_start(Actor *a, void (*act)(Actor *self)) {
    Context *c = a->context;
    CHECK(!c->busy && !a->parked);
    c->busy = true;
    a->act = act;
    return to_actor(a);
}

bool actor_resume(Actor *a) {
    CHECK(a->parked && a->ready);
    a->parked = a->ready = false;
    store_relaxed(&a->g.state, G_RUNNING);
    return to_actor(a);
}

int actors_readied(Actor **list, int max) {
    int n = readied_n;
    CHECK(n <= max);
    memcpy(list, readied, (size_t)n * sizeof *list);
    readied_n = 0;
    return n;
}

// ---- what the parts under test call

static void park(WaitReason why) {
    Actor *a = actor_self();
    a->parked = true;
    a->why = why;
    to_test(a);
}
void g_park(WaitReason why, Lock *unlock) {
    store_relaxed(&g_self()->state, G_WAITING);
    if (unlock) lock_release(unlock);
    park(why);
}
void g_park_with(WaitReason why, void (*unlock)(void *), void *arg) {
    store_relaxed(&g_self()->state, G_WAITING);
    unlock(arg);
    park(why);
}
// As rt/ready.h leaves it: the newest is runnext, and as the stub's slices are never armed, somebody must always hear of it.
void ready_rest(P *p, G *kicked) {
    CHECK_PTR(kicked, NULL);
    G *g = exchange(&p->runq.runnext, NULL);
    CHECK(g != NULL && load_relaxed(&g->state) == G_RUNNABLE);
    g_ready(g);
}
void g_ready(G *g) {
    Actor *a = actor_of(g);
    CHECK(a->parked);
    CHECK(!a->ready); // once per park
    a->ready = true;
    store_relaxed(&g->state, G_RUNNABLE);
    CHECK(readied_n < 64);
    readied[readied_n++] = a;
}
void g_ready_tail(G *g) { g_ready(g); }

static _Noreturn void panicked(const char *text) {
    Actor *a = actor_self();
    if (!a->back) {
        fprintf(stderr, "actor %d panics: %s\n", a->number, text);
        abort();
    }
    a->panicked = text;
    longjmp(*a->back, 1);
}
_Noreturn void panic_plain(const char *text) { panicked(text); }
_Noreturn void panic_runtime(const char *text) { panicked(text); }
