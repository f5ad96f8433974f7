// switch.c -- tells the address and the thread sanitizer about switches of stacks ("fibers").
//
// A goroutine is a fiber, and so is each core's system stack, on which the scheduler and sys_call run. A wrapper announces
// the new stack, switches by the real routine (gogo.asm), and confirms on arrival: behind the same call if the stack was left there,
// in san_g_start if it is new, in san_caught after a recover.
//
// A goroutine's record lies at the bottom of its first segment, which nothing reaches: stacks are large here. Segments are reused, so
// the record has a mark; if it has been overwritten, the fiber is made anew.
//
// This file is not instrumented: between announcement and arrival the sanitizer's idea of the stack is wrong.
#include "san.h"
#include <sanitizer/common_interface_defs.h>

// Defined by the sanitizer that is linked.
#define WEAK __attribute__((weak))
WEAK void *__tsan_get_current_fiber(void);
WEAK void *__tsan_create_fiber(unsigned flags);
WEAK void __tsan_switch_to_fiber(void *fiber, unsigned flags);
WEAK void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom, size_t size);
WEAK void __asan_unpoison_memory_region(void const volatile *addr, size_t size);
WEAK void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old, size_t *size_old);

void g_switch(G *from, G *to);
void g_leave(G *from, void (*fn)(void *), void *arg);
_Noreturn void g_enter(G *to);
_Noreturn void sys_leave(void (*fn)(void *), void *arg);
_Noreturn void catch_resume(CatchFrame *f, uintptr_t guard);
_Noreturn void g_exit(void);

#define MARK 0x6275726f77666962ull

typedef struct Fiber {
    uint64_t mark;
    void *tsan, *fake;
    uintptr_t lo;
    size_t bytes;
} Fiber;

_Static_assert(sizeof(Fiber) <= 64, "STACK_UNUSED in hooks.h");

static Fiber system_fiber[PLAT_MAX_CPUS];

static Fiber *fiber_of(G *g) {
    StackSeg *s = g->seg;
    while (s->older)
        s = s->older;
    Fiber *f = (Fiber *)s->base;
    if (f->mark != (MARK ^ (uintptr_t)f)) {
        *f = (Fiber){.mark = MARK ^ (uintptr_t)f};
        if (__tsan_create_fiber) f->tsan = __tsan_create_fiber(0);
    }
    f->lo = s->base;
    f->bytes = s->bytes;
    return f;
}

static Fiber *system_of(const P *p) { return &system_fiber[p->id]; }

// from: NULL: never returned to.
static void announce(Fiber *from, Fiber *to) {
    if (__tsan_switch_to_fiber) __tsan_switch_to_fiber(to->tsan, 0);
    if (__sanitizer_start_switch_fiber) __sanitizer_start_switch_fiber(from ? &from->fake : NULL, (void *)to->lo, to->bytes);
}
static void arrive(Fiber *self) {
    if (__sanitizer_finish_switch_fiber) __sanitizer_finish_switch_fiber(self->fake, NULL, NULL);
}

// ---- a core leaves the thread's own stack for its system stack
void san_core_enter(P *p, void (*fn)(int cpu)) {
    Fiber *f = system_of(p);
    f->lo = p->sys_lo;
    f->bytes = p->sys_sp - p->sys_lo;
    if (__tsan_get_current_fiber) f->tsan = __tsan_get_current_fiber();
    if (__sanitizer_start_switch_fiber) __sanitizer_start_switch_fiber(NULL, (void *)f->lo, f->bytes);
    __asm__ volatile("movq %0, %%rsp\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "call *%1\n\t"
                     "ud2"
                     :
                     : "r"(p->sys_sp), "r"(fn), "D"(p->id)
                     : "memory");
    __builtin_unreachable();
}
static _Atomic bool entered;
void san_core_entered(void) {
    arrive(system_of(p_self()));
    store_relaxed(&entered, true); // nobody's data depend on it
}

// ---- goroutine to goroutine
void san_g_switch(G *from, G *to) {
    san_poll();
    Fiber *f = fiber_of(from);
    announce(f, fiber_of(to));
    g_switch(from, to);
    arrive(f);
}

// The first code of a goroutine, as g_start in gogo.asm.
__asm__(".text\n"
        ".globl san_g_start\n"
        "san_g_start:\n"
        "  call san_g_started\n"
        "  movq %r12, %rdi\n"
        "  call *%rbx\n"
        "  call g_exit\n"
        "  ud2\n");
// What frames of before, which were left without a return, have poisoned below the caller's.
static void forget_frames(const Fiber *f) {
    uintptr_t from = f->lo + sizeof *f, to = (uintptr_t)__builtin_frame_address(0);
    if (__asan_unpoison_memory_region) __asan_unpoison_memory_region((void *)from, to - from);
}
void san_g_started(void) {
    arrive(fiber_of(g_self()));
    forget_frames(fiber_of(g_self()));
}

// ---- to the system stack
typedef struct Call {
    void (*fn)(void *);
    void *arg;
    Fiber *back; // sys_call returns there
} Call;

static Call leaving[PLAT_MAX_CPUS]; // what g_leave and sys_leave go to; the goroutine's own stack is free for others by then

static void left(void *call) {
    Call c = *(Call *)call;
    arrive(system_of(p_self()));
    c.fn(c.arg);
}

void san_g_leave(G *from, void (*fn)(void *), void *arg) {
    P *p = p_self();
    Fiber *f = fiber_of(from);
    leaving[p->id] = (Call){fn, arg, NULL};
    announce(f, system_of(p));
    g_leave(from, left, &leaving[p->id]);
    arrive(f);
}

_Noreturn void san_sys_leave(void (*fn)(void *), void *arg) {
    P *p = p_self();
    leaving[p->id] = (Call){fn, arg, NULL};
    if (!on_system_stack()) announce(NULL, system_of(p));
    sys_leave(left, &leaving[p->id]);
}

static void called(void *call) {
    Call *c = call;
    arrive(system_of(p_self()));
    c->fn(c->arg);
    announce(system_of(p_self()), c->back);
}

void san_sys_call(void (*fn)(void *), void *arg) {
    P *p = p_self();
    if (on_system_stack() || !g_self()) {
        fn(arg);
        return;
    }
    Call c = {fn, arg, fiber_of(g_self())};
    announce(c.back, system_of(p));
    sys_call(called, &c);
    arrive(c.back);
}

// ---- preemption
// The compiler calls this in each basic block of a program: its loops need no calls to be taken off, and interrupts come at all.
#define BLOCKS_A_POLL 256u
static bool catching[PLAT_MAX_CPUS]; // own core only: between catch_resume and san_caught, where the compiler puts such a call, too
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void) {
    static __thread unsigned blocks;
    if (!load_relaxed(&entered)) return; // constructors, before any core has a P
    P *p = p_self();
    if (!p->g || on_system_stack()) return; // code that sys_call runs
    if (catching[p->id]) return;
    if (++blocks % BLOCKS_A_POLL == 0) san_poll();
    if (unlikely(load_relaxed(&p->request) != 0)) rt_door_slow();
}

// ---- from the system stack
_Noreturn void san_g_enter(G *to) {
    P *p = p_self();
    announce(on_system_stack() ? system_of(p) : NULL, fiber_of(to));
    g_enter(to);
}

_Noreturn void san_catch_resume(CatchFrame *f, uintptr_t guard) {
    announce(system_of(p_self()), fiber_of(g_self()));
    catching[p_self()->id] = true;
    catch_resume(f, guard);
}
int san_caught(void) {
    arrive(fiber_of(g_self()));
    catching[p_self()->id] = false;
    forget_frames(fiber_of(g_self()));
    return 1;
}
