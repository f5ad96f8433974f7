// timer.h -- deadlines: the Timer record and the operations that time.c (and gccgo's time package) build on.
#pragma once
#include "core.h"

// In the heap (api/time.h, a root while armed) or on the stack of a sleeping goroutine (G.timer). The layout
// is that of gccgo's time.runtimeTimer: pp, when, period, f, arg, seq, nextwhen, status.
struct Timer {
    _Atomic(P *)
        p; // whose heap it is in; NULL: not armed. changes under the lock of the P it names or will name
    int64_t when;   // these two: under p->timers_lock while armed
    int64_t period; // > 0: fires again and again
    void *f;        // fire's own
    void *arg, *arg2;
    uintptr_t seq;
    uint32_t index; // in the heap
    uint32_t unused;
    // Called when due, on the system stack of core p with no lock held, with a copy of the timer as it was: t
    // may be rearmed or gone by then. Must not block: readies a goroutine, offers a value to a channel, or
    // starts a goroutine.
    void (*fire)(const struct Timer *copy, int64_t now);
};
_Static_assert(sizeof(struct Timer) == 72 && offsetof(struct Timer, when) == 8 &&
                   offsetof(struct Timer, f) == 24 && offsetof(struct Timer, arg) == 32 &&
                   offsetof(struct Timer, seq) == 48,
               "gccgo's time.runtimeTimer");

typedef enum { ARM_WAS_IDLE, ARM_WAS_ARMED, ARM_NO_MEMORY } ArmResult;
// Arms t on this core for `when` (then every period, if > 0), wherever it was armed before. On a goroutine's
// stack, no locks held.
ArmResult timer_arm(struct Timer *t, int64_t when, int64_t period);
// False: was not armed. Same context, and the system stack.
bool timer_disarm(struct Timer *t);
// now + ns without overflow; never TIME_NEVER. Small.
int64_t timer_deadline(int64_t ns);
