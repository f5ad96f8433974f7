// units: rt/x86_64/gogo.asm rt/x86_64/morestack.asm
// flags: -mno-red-zone
// sanitize: no (own stacks, %gs and %fs:0x70)
// test_guard.c -- no interrupt is lost in the routines that write the stack guard, whatever instruction it
// comes at.
//
// An interrupt in runtime text sets P.request and poisons the guard; a routine that installs a guard after
// that must put the poison back. Each round single-steps through one of them and plays the interrupt before
// its k-th instruction, for k = 1, 2, ... until the routine ends before k: so every window of one instruction
// is hit.
#define _GNU_SOURCE
#include "test.h"
#include "core.h"
#include <asm/prctl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define TRAP_FLAG 0x100

Sched sched;
uint32_t rt_fpu_mode = FPU_FXSAVE, rt_fpu_bytes = 512;
uint64_t rt_fpu_mask = 3;
void g_switch(G *from, G *to);
void g_leave(G *from, void (*fn)(void *), void *arg);
_Noreturn void g_enter(G *to);
_Noreturn void sys_leave(void (*fn)(void *), void *arg);
_Noreturn void catch_resume(CatchFrame *f, uintptr_t guard);
_Noreturn void ctx_enter(Ctx *ctx, G *g);
void call_with_stack(size_t bytes, void (*fn)(void *), void *arg);

static P p;
static G a, b; // `a` runs on the process's stack
static char stack_b[16384] __attribute__((aligned(64))), stack_sys[65536] __attribute__((aligned(64)));
static char segment[32768] __attribute__((aligned(64))), traps[65536];
static StackSeg segment_a;
static struct {
    Ctx ctx;
    uint8_t fpu[512];
} spare[2] __attribute__((aligned(64)));

static inline uintptr_t guard_get(void) {
    uintptr_t g;
    __asm__ volatile("movq %%fs:0x70, %0" : "=r"(g));
    return g;
}
static inline void guard_set(uintptr_t g) {
    __asm__ volatile("movq %0, %%fs:0x70" : : "r"(g) : "memory");
}

// ---- the interrupt
static volatile bool stepping, looking; // looking: the test's own doing, no interrupt comes
static volatile bool pending;           // the interrupt came, and nobody has answered it
static volatile long steps, when;
static volatile uintptr_t came_at;

static void trap(int sig, siginfo_t *info, void *context) {
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (!stepping) {
        r[REG_EFL] &= ~TRAP_FLAG;
        return;
    }
    if (looking || ++steps != when) return;
    came_at = (uintptr_t)r[REG_RIP];
    pending = true;
    fetch_or(&p.request, REQ_YIELD);
    guard_set(~(uintptr_t)0);
}

static void step_from_here(void) {
    stepping = true;
    __asm__ volatile("pushfq\n\torl %0, (%%rsp)\n\tpopfq" : : "i"(TRAP_FLAG) : "memory", "cc");
}

// Wherever a routine has installed a guard. The interrupt must be visible in it.
static void look(const char *where, const G *g) {
    looking = true;
    uintptr_t want = pending ? ~(uintptr_t)0 : g->guard, got = guard_get();
    bool right = got == want;
    test_checks++;
    looking = false;
    if (right) return;
    stepping = false;
    test_failed(__FILE__, __LINE__);
    fprintf(stderr, "%s: interrupt before instruction %ld, at %#lx: expected guard %#lx, got %#lx", where,
            when, came_at, want, got);
    test_fail_end();
}

// ---- what the assembly calls
void g_exit(void) {
    abort();
}
void catch_link(CatchFrame *f);
void catch_link(CatchFrame *f) {}
StackSeg *stack_grow(G *g, size_t need);
StackSeg *stack_grow(G *g, size_t need) {
    abort();
}
void stack_trim(StackSeg *kept);
void stack_trim(StackSeg *kept) {
    abort();
}

// The scheduler: answers and goes on with the same goroutine.
void sched_preempted_call(Ctx *ctx);
void sched_preempted_call(Ctx *ctx) {
    looking = true; // both at once
    exchange(&p.request, 0);
    pending = false;
    looking = false;
    ctx_enter(ctx, &a);
}

// ---- the routines
static void on_b(void) {
    for (;;) {
        look("g_switch, there", &b);
        g_switch(&b, &a);
    }
}
static void round_switch(void) {
    g_switch(&a, &b);
    look("g_switch, back", &a);
}

static void enter_a(void *unused) {
    g_enter(&a);
}
static void round_enter(void) {
    g_leave(&a, enter_a, NULL);
    look("g_enter", &a);
}

static void resume(void *f) {
    catch_resume(f, a.guard);
}
static void round_resume(void) {
    static CatchFrame f;
    if (catch_save(&f) == 0) sys_leave(resume, &f);
    look("catch_resume", &a);
}

static void body(void *unused) {
    look("__morestack, in the new segment", &a);
}
static void round_grow(void) {
    call_with_stack(8192, body, NULL);
    look("__morestack, back", &a);
}

// An answer that is interrupted itself: in ctx_enter.
static void round_answer(void) {
    pending = true;
    fetch_or(&p.request, REQ_YIELD);
    guard_set(~(uintptr_t)0);
    round_grow();
}

static StackSeg *segment_make(char *memory, size_t bytes) {
    StackSeg *s = (StackSeg *)(memory + bytes) - 1;
    *s = (StackSeg){.base = (uintptr_t)memory, .bytes = bytes};
    return s;
}

static void prepare(void) {
    p.self = &p;
    p.g = &a;
    p.sys_lo = (uintptr_t)stack_sys;
    p.sys_sp = (uintptr_t)stack_sys + sizeof stack_sys;
    p.spare = &spare[0].ctx;
    spare[0].ctx.next = &spare[1].ctx;
    spare[1].ctx.next = NULL;
    p.spare_count = 2;
    store_relaxed(&p.request, 0);
    pending = false;
    a.mxcsr = b.mxcsr = 0x1f80;
    a.fcw = b.fcw = 0x37f;
    a.ctx = NULL;
    // The process's stack as a segment with room for 4 KB more.
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    segment_a = (StackSeg){.base = here - 4096 - STACK_SLACK, .bytes = 65536};
    StackSeg *newer = segment_make(segment, sizeof segment);
    segment_a.newer = newer;
    newer->older = &segment_a;
    a.seg = &segment_a;
    a.guard = segment_a.base + STACK_SLACK;
    b.guard = (uintptr_t)stack_b + STACK_SLACK;
    uintptr_t *sp = (uintptr_t *)(stack_b + sizeof stack_b) - 2;
    *sp = (uintptr_t)on_b;
    b.sp = (uintptr_t)(sp - 6);
    guard_set(a.guard);
}

static void every_instruction(void (*round)(void)) {
    for (when = 1;; when++) {
        prepare();
        steps = 0;
        step_from_here();
        round();
        stepping = false;
        if (steps < when) break;
        CHECK(pending == (load_relaxed(&p.request) != 0));
    }
    CHECK(when > 10);
    printf("%s: %ld instructions\n", test_case_name, when - 1);
}
static void test_g_switch(void) {
    every_instruction(round_switch);
}
static void test_g_enter(void) {
    every_instruction(round_enter);
}
static void test_catch_resume(void) {
    every_instruction(round_resume);
}
static void test_morestack(void) {
    every_instruction(round_grow);
}
static void test_ctx_enter(void) {
    every_instruction(round_answer);
}

int main(void) {
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &p) != 0) {
        perror("arch_prctl(ARCH_SET_GS)");
        return 1;
    }
    stack_t stack = {.ss_sp = traps, .ss_size = sizeof traps};
    struct sigaction sa = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (sigaltstack(&stack, NULL) || sigaction(SIGTRAP, &sa, NULL)) {
        perror("sigaction");
        return 1;
    }
    RUN(test_g_switch);
    RUN(test_g_enter);
    RUN(test_catch_resume);
    RUN(test_morestack);
    RUN(test_ctx_enter);
    return test_done();
}
