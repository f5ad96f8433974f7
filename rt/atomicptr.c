// atomicptr.c -- AtomicPtr: atomic stores of pointers. In runtime text, so that a collector's write barrier
// and the store are one step for the goroutine that does them.
#include "core.h"
#include "api/sync.h"

void atomic_ptr_store(AtomicPtr *a, void *v) {
    __atomic_store_n(&a->v, v, __ATOMIC_SEQ_CST);
    RT_DOOR();
}

void *atomic_ptr_swap(AtomicPtr *a, void *v) {
    void *old = __atomic_exchange_n(&a->v, v, __ATOMIC_SEQ_CST);
    RT_DOOR();
    return old;
}

bool atomic_ptr_cas(AtomicPtr *a, void *old, void *new_value) {
    bool ok = __atomic_compare_exchange_n(&a->v, &old, new_value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    RT_DOOR();
    return ok;
}
