// atomicptr.c -- AtomicPtr: atomic stores of pointers. In runtime text, so that the collector's barrier and the
// store are one step for the goroutine that does them.
//
// While marking, what was overwritten is shaded: exactly the value that this store replaced, hence an exchange
// where a store would do otherwise. A value that two of them saw being replaced by the other is shaded by one.
#include "core.h"
#include "api/sync.h"

void atomic_ptr_store(AtomicPtr *a, void *v) {
    nil_check(a);
    gc_shade(__atomic_exchange_n((void **)&a->v_, v, __ATOMIC_SEQ_CST)); // x86's way to store in this order, too
    RT_DOOR();
}

void *atomic_ptr_swap(AtomicPtr *a, void *v) {
    nil_check(a);
    void *old = __atomic_exchange_n((void **)&a->v_, v, __ATOMIC_SEQ_CST);
    gc_shade(old);
    RT_DOOR();
    return old;
}

bool atomic_ptr_cas(AtomicPtr *a, void *old, void *new_value) {
    nil_check(a);
    bool ok = __atomic_compare_exchange_n((void **)&a->v_, &old, new_value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (ok) gc_shade(old);
    RT_DOOR();
    return ok;
}
