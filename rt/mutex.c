// mutex.c -- the slow paths of Mutex.
//
// The algorithm is Go's sync.Mutex. state: bit 0 locked, bit 1 woken (a waiter is on its way, unlock need not
// wake another), bit 2 starving, above that the number of waiters. An uncontended lock or unlock is one
// atomic operation in api/sync.h.
//
// Normal mode: unlock wakes the waiter that came first, and that competes with goroutines which are running
// already and usually win; a loser waits again, at the front. A waiter that has lost for 1 ms switches to
// starvation mode: unlock then leaves the mutex to the first waiter (locked stays clear, but with the
// starving bit set nobody else takes it) and runs it at once; newcomers queue at the tail. The waiter that
// gets it ends the mode when it is the last one or waited for less than 1 ms.
#include "runq.h"
#include "sema.h"
#include "api/sync.h"

#define LOCKED       1u
#define WOKEN        2u
#define STARVING     4u
#define WAITER_SHIFT 3u
#define ONE_WAITER   (1u << WAITER_SHIFT)
#define STARVE_NS    1000000
#define SPIN_ROUNDS  4u
#define SPIN_TURNS   30u

static inline bool state_cas(Mutex *m, uint32_t *old, uint32_t new) {
    return __atomic_compare_exchange_n(&m->state, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
static inline uint32_t state_load(Mutex *m) {
    return __atomic_load_n(&m->state, __ATOMIC_SEQ_CST);
}

// Spinning pays when the holder runs on another core and this core has nothing else to do.
static bool may_spin(unsigned round) {
    return round < SPIN_ROUNDS && sched.nproc > 1 &&
           load_relaxed(&sched.idle_count) + load_relaxed(&sched.spinning) + 1 < (uint32_t)sched.nproc &&
           runq_empty(p_self());
}

void mutex_lock_slow(Mutex *m) {
    int64_t since = 0; // when it first parked
    bool starving = false, awoke = false;
    unsigned round = 0;
    uint32_t old = state_load(m);
    for (;;) {
        if ((old & (LOCKED | STARVING)) == LOCKED && may_spin(round)) {
            // Tell unlock that it need not wake anybody.
            if (!awoke && !(old & WOKEN) && old >> WAITER_SHIFT != 0 && state_cas(m, &old, old | WOKEN))
                awoke = true;
            for (unsigned t = 0; t < SPIN_TURNS; t++)
                plat_spin(t);
            round++;
            old = state_load(m);
            continue;
        }
        uint32_t new = old;
        if (!(old & STARVING)) new |= LOCKED;
        if (old & (LOCKED | STARVING)) new += ONE_WAITER;
        if (starving && (old & LOCKED)) new |= STARVING;
        if (awoke) new &= ~WOKEN;
        if (!state_cas(m, &old, new)) continue; // old is reread
        if (!(old & (LOCKED | STARVING))) break;
        bool again = since != 0;
        if (!again) since = plat_now_ns();
        sema_acquire(&m->sema, again, WAIT_MUTEX);
        starving = starving || plat_now_ns() - since > STARVE_NS;
        old = state_load(m);
        if (old & STARVING) { // it was handed to us: locked is clear, and we are still counted as a waiter
            uint32_t delta = LOCKED - ONE_WAITER;
            if (!starving || old >> WAITER_SHIFT == 1) delta -= STARVING;
            __atomic_add_fetch(&m->state, delta, __ATOMIC_SEQ_CST);
            break;
        }
        awoke = true;
        round = 0;
    }
    RT_DOOR();
}

// left: state after LOCKED was subtracted, not 0.
void mutex_unlock_slow(Mutex *m, uint32_t left) {
    if (unlikely(!((left + LOCKED) & LOCKED))) rt_fatal("sync: unlock of unlocked mutex");
    if (left & STARVING) {
        sema_release(&m->sema, true);
    } else {
        uint32_t old = left;
        // Nobody waits, or somebody has the lock, is on the way, or was woken already: nothing to do.
        while (old >> WAITER_SHIFT != 0 && !(old & (LOCKED | WOKEN | STARVING))) {
            if (!state_cas(m, &old, (old - ONE_WAITER) | WOKEN)) continue;
            sema_release(&m->sema, false);
            break;
        }
    }
    RT_DOOR();
}

bool mutex_try_lock(Mutex *m) {
    nil_check(m);
    uint32_t old = state_load(m);
    bool ok = !(old & (LOCKED | STARVING)) && state_cas(m, &old, old | LOCKED);
    RT_DOOR();
    return ok;
}
