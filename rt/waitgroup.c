// waitgroup.c -- WaitGroup: wait until a number of things are done.
//
// state is counter << 32 | waiters in one word, so that one addition changes the counter and sees the
// waiters. Misuse that Go detects is detected in the same places, with the same words.
#include "sema.h"
#include "api/sync.h"

#define noinline __attribute__((noinline))

static inline uint64_t state_load(WaitGroup *wg) {
    return __atomic_load_n(&wg->state, __ATOMIC_SEQ_CST);
}

static noinline void add_slow(WaitGroup *wg, int delta, uint64_t state) {
    int32_t counter = (int32_t)(state >> 32);
    uint32_t waiters = (uint32_t)state;
    if (counter < 0) panic("sync: negative WaitGroup counter");
    if (waiters != 0 && delta > 0 && counter == delta)
        panic("sync: WaitGroup misuse: Add called concurrently with Wait");
    if (counter == 0 && waiters != 0) {
        // Nothing else may change now: no add without another wait, no wait with the counter at zero.
        if (state_load(wg) != state) panic("sync: WaitGroup misuse: Add called concurrently with Wait");
        __atomic_store_n(&wg->state, 0, __ATOMIC_SEQ_CST);
        for (; waiters > 0; waiters--)
            sema_release(&wg->sema, false);
    }
    RT_DOOR();
}

void waitgroup_add(WaitGroup *wg, int delta) {
    nil_check(wg);
    uint64_t state = __atomic_add_fetch(&wg->state, (uint64_t)(uint32_t)delta << 32, __ATOMIC_SEQ_CST);
    if (unlikely((int32_t)(state >> 32) <= 0 || (uint32_t)state != 0)) return add_slow(wg, delta, state);
    RT_DOOR();
}

void waitgroup_done(WaitGroup *wg) {
    waitgroup_add(wg, -1);
}

void waitgroup_wait(WaitGroup *wg) {
    nil_check(wg);
    uint64_t state = state_load(wg);
    while ((int32_t)(state >> 32) != 0) {
        if (!__atomic_compare_exchange_n(&wg->state, &state, state + 1, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST))
            continue;
        sema_acquire(&wg->sema, false, WAIT_WAITGROUP);
        if (unlikely(state_load(wg) != 0))
            panic("sync: WaitGroup is reused before previous Wait has returned");
        break;
    }
    RT_DOOR();
}
