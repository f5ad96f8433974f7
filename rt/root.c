// root.c -- enumerating what the runtime holds for the application: stacks, saved contexts, goroutine records, timers.
//
// Waiters of channels and selects, deferred calls, catch frames and sleeping timers lie on their goroutine's stack, and with
// it among the roots. Of a preempted goroutine the registers are in its Ctx; of one that switched away voluntarily the callee-saved
// ones are on its stack, the others are dead. Runnable goroutines need no extra care: queues link G records, and all G records are visited.
#include "root.h"
#include "sched.h"

typedef struct Visit {
    void (*fn)(const Root *root, void *arg);
    void *arg;
    uintptr_t self_sp; // the caller's own stack pointer
} Visit;

static void emit(const Visit *v, RootKind kind, const G *g, uintptr_t lo, uintptr_t hi) {
    Root r = {(const void *)(lo & ~(uintptr_t)7), (const void *)hi, kind, g};
    if (lo < hi) v->fn(&r, v->arg);
}

// Segments between sp's and the oldest, the newest from sp on.
static void emit_stack(const Visit *v, const G *g, uintptr_t sp) {
    for (const StackSeg *s = g->seg; s; s = s->older) {
        uintptr_t lo = s == g->seg && sp >= s->base && sp <= (uintptr_t)s ? sp : s->base;
        emit(v, ROOT_STACK, g, lo < s->base ? s->base : lo, (uintptr_t)s);
    }
}

static void visit_g(G *g, void *arg) {
    const Visit *v = arg;
    uint32_t state = load_relaxed(&g->state);
    if (state == G_DEAD || state == G_IDLE || !g->seg) return;
    emit(v, ROOT_GOROUTINE, g, (uintptr_t)g, (uintptr_t)(g + 1));
    if (g == g_self()) {
        emit_stack(v, g, v->self_sp);
    } else if (g->ctx) {
        emit(v, ROOT_CONTEXT, g, (uintptr_t)g->ctx, (uintptr_t)g->ctx->fpu + rt_fpu_bytes);
        uintptr_t sp = g->ctx->tf.rsp;
        emit_stack(v, g, sp - 128 < sp ? sp - 128 : sp);
    } else {
        emit_stack(v, g, g->sp);
    }
}

static void visit_all(void *arg) {
    g_for_each(visit_g, arg);
    for (int i = 0; i < sched.ncpu; i++) {
        const struct TimerHeap *h = &rt_ps[i]->timers;
        emit(arg, ROOT_TIMERS, NULL, (uintptr_t)h->v, (uintptr_t)(h->v + h->n));
    }
}

void roots_for_each(void (*fn)(const Root *root, void *arg), void *arg) {
    __builtin_unwind_init(); // the caller's callee-saved registers go to the stack
    Visit v = {fn, arg, (uintptr_t)__builtin_frame_address(0) - 128};
    sys_call(visit_all, &v);
}
