// lock.h -- ranked spin locks of the runtime.
//
// A holder is in runtime text (so it is never preempted asynchronously), does not park, does not allocate from the heap and does
// not call back into the application. Locks are taken in increasing rank; debug builds (RT_DEBUG) check that and remember who
// holds what for rt_report. Interrupt handlers take none of them. Same-rank locks only where the rank says how (checked, too).
#pragma once
#include "atomic.h"
#include "plat.h"

typedef enum {
    RANK_STW = 1,  // world_stop's own mutex bookkeeping
    RANK_SELECT,   // reserved
    RANK_CHAN,     // Chan.lock; several only in address order (select.c)
    RANK_SEMA,     // semaphore and sync queues
    RANK_FILES,    // open files and paths of Go programs (go/files.c)
    RANK_GC,       // the collector's state and its waiters
    RANK_TIMERS,   // P.timers_lock; two only in P order
    RANK_ALLGS,    // list of all goroutines
    RANK_PROFILE,  // tables of profiles (profile.c)
    RANK_PLOCAL,   // P.local_lock: pinned and prioritised goroutines of one P
    RANK_SCHED,    // sched.lock: global queues, idle Ps
    RANK_GFREE,    // global pool of dead goroutines
    RANK_SPECIAL,  // finalizers
    RANK_HEAP,     // heap central lists; the list of all spans
    RANK_STACK,    // stack segment pools
    RANK_GCWORK,   // grey objects: global list
    RANK_RECORD,   // fixed-size record pools
    RANK_PAGE,     // page allocator
    RANK_VMAP,     // kernel's mapping arena
    RANK_CONSOLE,  // log buffer; leaf
} LockRank;

typedef struct Lock {
    _Atomic uint32_t word; // 0 free, 1 held; acquire in lock_acquire pairs with release in lock_release
    uint8_t rank;          // LockRank
    uint8_t reserved[3];
} Lock;
#define LOCK_INIT(r) {0, (r), {0}}
static inline void lock_init(Lock *l, LockRank r) {
    l->rank = (uint8_t)r;
    store_relaxed(&l->word, 0);
}

extern const char *const lock_rank_names[]; // by LockRank, for reports and gdb_rt.py
void lock_acquire_slow(Lock *l);       // lock.c
void lock_note_acquire(const Lock *l); // lock.c; RT_DEBUG only
void lock_note_release(const Lock *l);

static inline bool lock_try(Lock *l) {
    uint32_t zero = 0;
    if (!atomic_compare_exchange_strong_explicit(&l->word, &zero, 1, memory_order_acquire, memory_order_relaxed)) return false;
#ifdef RT_DEBUG
    lock_note_acquire(l);
#endif
    return true;
}
static inline void lock_acquire(Lock *l) {
    if (unlikely(!lock_try(l))) lock_acquire_slow(l);
}
static inline void lock_release(Lock *l) {
#ifdef RT_DEBUG
    lock_note_release(l);
#endif
    store_release(&l->word, 0);
}
