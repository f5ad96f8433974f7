// api/sync.h -- locks, wait groups, once, condition variables, semaphores, atomics (Go: sync, sync/atomic).
//
// Every type here is ready for use when zeroed (`Mutex m = {0};`, or inside a zeroed heap object), holds no
// pointer that the collector must follow, needs no end, and must not be copied after first use. Goroutine
// context; none is bound to a goroutine: one may lock and another unlock. Fields are the runtime's.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- Mutex (sync.Mutex)
// Normally a woken waiter competes with running goroutines for the lock, which is fast; once one has waited
// for 1 ms the lock is handed over in order of arrival until a waiter gets it sooner than that.
typedef struct Mutex {
    uint32_t state; // rt/mutex.c
    uint32_t sema;
} Mutex;
void mutex_lock_slow(Mutex *m);
void mutex_unlock_slow(Mutex *m, uint32_t left);

// Blocks until the lock is the caller's.
static inline void mutex_lock(Mutex *m) {
    uint32_t unlocked = 0;
    if (__builtin_expect(
            !__atomic_compare_exchange_n(&m->state, &unlocked, 1u, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED),
            0))
        mutex_lock_slow(m);
}
// Ends the program when m is not locked: "fatal error: sync: unlock of unlocked mutex".
static inline void mutex_unlock(Mutex *m) {
    uint32_t left = __atomic_sub_fetch(&m->state, 1u, __ATOMIC_RELEASE);
    if (__builtin_expect(left != 0, 0)) mutex_unlock_slow(m, left);
}
// Takes the lock if that needs no waiting; false: not taken.
bool mutex_try_lock(Mutex *m);

// ---- RWMutex (sync.RWMutex)
// Many readers or one writer. A waiting writer keeps new readers out, so a goroutine must not read-lock
// twice.
typedef struct RWMutex {
    Mutex writer;         // held by a writer, from before it waits for readers
    uint32_t writer_sema; // the writer waits for the readers before it
    uint32_t reader_sema; // readers wait for the writer
    int32_t reader_count; // readers inside or waiting; minus RWMUTEX_READERS while a writer is there
    int32_t reader_wait;  // readers that the waiting writer still waits for
} RWMutex;
void rwmutex_rlock_slow(RWMutex *rw);
void rwmutex_runlock_slow(RWMutex *rw, int32_t left);

static inline void rwmutex_rlock(RWMutex *rw) {
    if (__builtin_expect(__atomic_add_fetch(&rw->reader_count, 1, __ATOMIC_ACQUIRE) < 0, 0))
        rwmutex_rlock_slow(rw);
}
// Ends the program: "fatal error: sync: RUnlock of unlocked RWMutex".
static inline void rwmutex_runlock(RWMutex *rw) {
    int32_t left = __atomic_sub_fetch(&rw->reader_count, 1, __ATOMIC_RELEASE);
    if (__builtin_expect(left < 0, 0)) rwmutex_runlock_slow(rw, left);
}
bool rwmutex_try_rlock(RWMutex *rw);
void rwmutex_lock(RWMutex *rw);
// Ends the program: "fatal error: sync: Unlock of unlocked RWMutex".
void rwmutex_unlock(RWMutex *rw);
bool rwmutex_try_lock(RWMutex *rw);

// ---- WaitGroup (sync.WaitGroup)
typedef struct WaitGroup {
    uint64_t state; // counter << 32 | waiters
    uint32_t sema;
} WaitGroup;
// Adds delta (may be negative); at zero everybody who waits goes on. Adding to a zero counter must happen
// before the wait. Panics: "sync: negative WaitGroup counter", "sync: WaitGroup misuse: Add called
// concurrently with Wait".
void waitgroup_add(WaitGroup *wg, int delta);
void waitgroup_done(WaitGroup *wg); // add(-1)
// Blocks until the counter is zero. Panics: "sync: WaitGroup is reused before previous Wait has returned".
void waitgroup_wait(WaitGroup *wg);

// ---- Once (sync.Once)
typedef struct Once {
    uint32_t done;
    Mutex mutex;
} Once;
void once_do_slow(Once *o, void (*fn)(void *arg), void *arg);
// The first call runs fn(arg); the others return when it has ended. It counts as done even if fn panics. fn
// must not call once_do on the same Once (deadlock).
static inline void once_do(Once *o, void (*fn)(void *arg), void *arg) {
    if (__builtin_expect(__atomic_load_n(&o->done, __ATOMIC_ACQUIRE) == 0, 0)) once_do_slow(o, fn, arg);
}

// ---- Cond (sync.Cond)
typedef struct Cond {
    Mutex *mutex; // set before use: Cond c = {.mutex = &m}
    uint32_t wait, notify;
} Cond;
// Unlocks c->mutex, waits for a signal, locks again. Call it in a loop that tests the condition; the mutex is
// held.
void cond_wait(Cond *c);
// Wakes the one that has waited longest, or all. The mutex need not be held.
void cond_signal(Cond *c);
void cond_broadcast(Cond *c);

// ---- Semaphore: a counter of permits, at most 2^32-1
typedef struct Semaphore {
    uint32_t count;
} Semaphore;
// Semaphore s = SEMAPHORE(4);
#define SEMAPHORE(n)                                                                                         \
    { (n) }
// Blocks until there is a permit and takes it: first come, first served.
void semaphore_acquire(Semaphore *s);
bool semaphore_try_acquire(Semaphore *s);
void semaphore_release(Semaphore *s);

// ---- atomics (sync/atomic): sequentially consistent, like Go's
// For each of AtomicInt32, AtomicInt64, AtomicUint32, AtomicUint64:
//   T    atomic_int32_load(const AtomicInt32 *a)
//   void atomic_int32_store(AtomicInt32 *a, T v)
//   T    atomic_int32_swap(AtomicInt32 *a, T v)                 returns the old value
//   bool atomic_int32_cas(AtomicInt32 *a, T old, T new_value)   true: it was old, and is new_value now
//   T    atomic_int32_add(AtomicInt32 *a, T delta)              returns the new value
#define ATOMIC_PLAIN_(Name, name, T)                                                                         \
    typedef struct Name {                                                                                    \
        T v;                                                                                                 \
    } Name;                                                                                                  \
    static inline T name##_load(const Name *a) {                                                             \
        return __atomic_load_n(&a->v, __ATOMIC_SEQ_CST);                                                     \
    }                                                                                                        \
    static inline void name##_store(Name *a, T v) {                                                          \
        __atomic_store_n(&a->v, v, __ATOMIC_SEQ_CST);                                                        \
    }                                                                                                        \
    static inline T name##_swap(Name *a, T v) {                                                              \
        return __atomic_exchange_n(&a->v, v, __ATOMIC_SEQ_CST);                                              \
    }                                                                                                        \
    static inline bool name##_cas(Name *a, T old, T new_value) {                                             \
        return __atomic_compare_exchange_n(&a->v, &old, new_value, false, __ATOMIC_SEQ_CST,                  \
                                           __ATOMIC_SEQ_CST);                                                \
    }
#define ATOMIC_NUMBER_(Name, name, T)                                                                        \
    ATOMIC_PLAIN_(Name, name, T)                                                                             \
    static inline T name##_add(Name *a, T delta) {                                                           \
        return __atomic_add_fetch(&a->v, delta, __ATOMIC_SEQ_CST);                                           \
    }
ATOMIC_NUMBER_(AtomicInt32, atomic_int32, int32_t)
ATOMIC_NUMBER_(AtomicInt64, atomic_int64, int64_t)
ATOMIC_NUMBER_(AtomicUint32, atomic_uint32, uint32_t)
ATOMIC_NUMBER_(AtomicUint64, atomic_uint64, uint64_t)
ATOMIC_PLAIN_(AtomicBool, atomic_bool, bool) // without add

// AtomicPtr (atomic.Pointer): writing goes through the runtime, which tells the collector.
typedef struct AtomicPtr {
    void *const v_; // const: plain assignment does not compile, as for a cell (api/mem.h)
} AtomicPtr;
static inline void *atomic_ptr_load(const AtomicPtr *a) {
    return __atomic_load_n(&a->v_, __ATOMIC_SEQ_CST);
}
void atomic_ptr_store(AtomicPtr *a, void *v);
void *atomic_ptr_swap(AtomicPtr *a, void *v);
bool atomic_ptr_cas(AtomicPtr *a, void *old, void *new_value);
