// sched.c -- goroutines and package sync by gccgo's names.
#include "go.h"
#include "../addrwait.h"
#include "../sema.h"
#include "../sched.h"

// ---- goroutines

void go_gosched(void) GO("runtime.Gosched");
void go_gosched(void) { gosched(); }
intptr_t go_gomaxprocs(intptr_t n) GO("runtime.GOMAXPROCS");
intptr_t go_gomaxprocs(intptr_t n) { return gomaxprocs(n > __INT_MAX__ ? __INT_MAX__ : n < 0 ? 0 : (int)n); }
intptr_t go_numcpu(void) GO("runtime.NumCPU");
intptr_t go_numcpu(void) { return cpu_count(); }
intptr_t go_numgoroutine(void) GO("runtime.burrowGoroutines");
intptr_t go_numgoroutine(void) { return goroutine_count(); }
void go_lockosthread(void) GO("runtime.LockOSThread");
void go_lockosthread(void) { lock_os_thread(); }
void go_unlockosthread(void) GO("runtime.UnlockOSThread");
void go_unlockosthread(void) { unlock_os_thread(); }

// ---- semaphores

void go_semacquire(uint32_t *s) GO("sync.runtime__Semacquire");
void go_semacquire(uint32_t *s) {
    sema_acquire(s, false, WAIT_SEMA);
    RT_DOOR();
}
void go_semacquire_mutex(uint32_t *s, bool front, intptr_t skip) GO("sync.runtime__SemacquireMutex");
void go_semacquire_mutex(uint32_t *s, bool front, intptr_t skip) {
    sema_acquire(s, front, WAIT_SEMA_MUTEX);
    RT_DOOR();
}
void go_semrelease(uint32_t *s, bool handoff, intptr_t skip) GO("sync.runtime__Semrelease");
void go_semrelease(uint32_t *s, bool handoff, intptr_t skip) {
    sema_release(s, handoff);
    RT_DOOR();
}
void go_semacquire_poll(uint32_t *s) GO("internal_1poll.runtime__Semacquire");
void go_semacquire_poll(uint32_t *s) { go_semacquire(s); }
void go_semrelease_poll(uint32_t *s) GO("internal_1poll.runtime__Semrelease");
void go_semrelease_poll(uint32_t *s) { go_semrelease(s, false, 0); }

// ---- notifyList: sync.Cond. The algorithm is cond.c's; the record is package sync's.
typedef struct NotifyList { uint32_t wait, notify; uintptr_t lock; void *head, *tail; } NotifyList;

static inline uint32_t load(uint32_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }

uint32_t go_notify_add(NotifyList *l) GO("sync.runtime__notifyListAdd");
uint32_t go_notify_add(NotifyList *l) { return __atomic_fetch_add(&l->wait, 1, __ATOMIC_SEQ_CST); }

void go_notify_wait(NotifyList *l, uint32_t ticket) GO("sync.runtime__notifyListWait");
void go_notify_wait(NotifyList *l, uint32_t ticket) {
    AddrWaiter w;
    w.g = g_self();
    w.ticket = ticket;
    AddrQueue *q = addr_queue(&l->wait);
    lock_acquire(&q->lock);
    if ((int32_t)(ticket - load(&l->notify)) < 0) {
        lock_release(&q->lock);
    } else {
        addr_push(q, &l->wait, &w, false);
        g_park(WAIT_COND, &q->lock);
    }
    RT_DOOR();
}

void go_notify_one(NotifyList *l) GO("sync.runtime__notifyListNotifyOne");
void go_notify_one(NotifyList *l) {
    if (load(&l->wait) != load(&l->notify)) {
        AddrQueue *q = addr_queue(&l->wait);
        lock_acquire(&q->lock);
        uint32_t ticket = l->notify;
        AddrWaiter *w = NULL;
        if (ticket != load(&l->wait)) {
            __atomic_store_n(&l->notify, ticket + 1, __ATOMIC_SEQ_CST);
            w = addr_pop_ticket(q, &l->wait, ticket);
        }
        lock_release(&q->lock);
        if (w) g_ready(w->g);
    }
    RT_DOOR();
}

void go_notify_all(NotifyList *l) GO("sync.runtime__notifyListNotifyAll");
void go_notify_all(NotifyList *l) {
    if (load(&l->wait) != load(&l->notify)) {
        AddrQueue *q = addr_queue(&l->wait);
        lock_acquire(&q->lock);
        __atomic_store_n(&l->notify, load(&l->wait), __ATOMIC_SEQ_CST);
        AddrWaiter *w = addr_pop_all(q, &l->wait);
        lock_release(&q->lock);
        while (w) {
            G *g = w->g;
            w = w->next;
            g_ready_tail(g);
        }
    }
    RT_DOOR();
}
void go_notify_check(uintptr_t size) GO("sync.runtime__notifyListCheck");
void go_notify_check(uintptr_t size) {
    if (size != sizeof(NotifyList)) rt_throw("sync.notifyList has another size than the runtime's");
}

// Mutex.Lock's spinning: it parks at once instead; a waiter here is woken with the lock's permit, quickly.
bool go_canspin(intptr_t i) GO("sync.runtime__canSpin");
bool go_canspin(intptr_t i) { return false; }
void go_dospin(void) GO("sync.runtime__doSpin");
void go_dospin(void) {}
int64_t go_sync_nanotime(void) GO("sync.runtime__nanotime");
int64_t go_sync_nanotime(void) { return plat_now_ns(); }

