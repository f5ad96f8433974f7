// rwmutex.c -- RWMutex: many readers or one writer.
//
// The algorithm is Go's sync.RWMutex. A reader adds 1 to reader_count. A writer first takes the writer mutex,
// then subtracts RWMUTEX_READERS from reader_count, which makes it negative: readers that come now wait on
// reader_sema. The writer waits on writer_sema for those that were inside; each that leaves subtracts 1 from
// reader_wait, the last wakes it.
#include "sema.h"
#include "api/sync.h"

#define RWMUTEX_READERS (1 << 30)

static inline int32_t add(int32_t *p, int32_t delta) {
    return __atomic_add_fetch(p, delta, __ATOMIC_SEQ_CST);
}
static inline bool swap_if(int32_t *p, int32_t old, int32_t new) {
    return __atomic_compare_exchange_n(p, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

// A writer is there.
void rwmutex_rlock_slow(RWMutex *rw) {
    sema_acquire(&rw->reader_sema, false, WAIT_RWMUTEX_R);
    RT_DOOR();
}

// left: reader_count after the reader left, negative: a writer waits, or nobody had locked.
void rwmutex_runlock_slow(RWMutex *rw, int32_t left) {
    if (left + 1 == 0 || left + 1 == -RWMUTEX_READERS) rt_fatal("sync: RUnlock of unlocked RWMutex");
    if (add(&rw->reader_wait, -1) == 0) sema_release(&rw->writer_sema, false);
    RT_DOOR();
}

bool rwmutex_try_rlock(RWMutex *rw) {
    nil_check(rw);
    int32_t n;
    bool ok = false;
    while (!ok && (n = __atomic_load_n(&rw->reader_count, __ATOMIC_SEQ_CST)) >= 0)
        ok = swap_if(&rw->reader_count, n, n + 1);
    RT_DOOR();
    return ok;
}

void rwmutex_lock(RWMutex *rw) {
    nil_check(rw);
    mutex_lock(&rw->writer);
    int32_t inside = add(&rw->reader_count, -RWMUTEX_READERS) + RWMUTEX_READERS;
    if (inside != 0 && add(&rw->reader_wait, inside) != 0)
        sema_acquire(&rw->writer_sema, false, WAIT_RWMUTEX_W);
    RT_DOOR();
}

bool rwmutex_try_lock(RWMutex *rw) {
    nil_check(rw);
    if (!mutex_try_lock(&rw->writer)) return false;
    if (swap_if(&rw->reader_count, 0, -RWMUTEX_READERS)) return true;
    mutex_unlock(&rw->writer);
    return false;
}

void rwmutex_unlock(RWMutex *rw) {
    nil_check(rw);
    int32_t waiting = add(&rw->reader_count, RWMUTEX_READERS);
    if (waiting >= RWMUTEX_READERS) rt_fatal("sync: Unlock of unlocked RWMutex");
    for (; waiting > 0; waiting--)
        sema_release(&rw->reader_sema, false);
    mutex_unlock(&rw->writer);
    RT_DOOR();
}
