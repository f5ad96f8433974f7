// api/final.h -- finalizers (Go: runtime.SetFinalizer, runtime.KeepAlive).
//
// Included by burrow.h. Goroutine context.
#pragma once
#include <stddef.h>

// When obj cannot be reached any more, fn(obj) runs once, on a goroutine that runs all finalizers one after the other. obj is reachable again
// then, and is freed by a later collection unless it gets another finalizer or is stored somewhere. Finalizers run in the order of pointers: if
// A points at B, A's comes first and B's after A has been freed; of objects that reach each other in a circle, none runs. None is certain to
// run before the program ends. A long one should start a goroutine; one that calls goexit ends that goroutine, and no finalizer runs any more, as in Go.
// NULL removes the finalizer.
//
// obj: the beginning of a heap object (an object of less than 16 bytes without pointers may share a block with others: then any of its
// finalizers may wait for the others). Variables and objects of no size are never collected: nothing happens. Ends the program with Go's words otherwise
// ("fatal error: runtime.SetFinalizer: pointer not in allocated block", "...: pointer not at beginning of allocated block", "...: finalizer already
// set", "...: first argument is nil"), and when there is no memory.
void set_finalizer(void *obj, void (*fn)(void *obj));
// The same with an argument, which stays reachable until then. If obj can be reached from it, fn never runs.
void set_finalizer_arg(void *obj, void (*fn)(void *obj, void *arg), void *arg);

// obj counts as reachable up to here (Go: runtime.KeepAlive): the compiler may drop a pointer after its last use.
static inline void keep_alive(const void *obj) {
    __asm__ volatile("" : : "r"(obj) : "memory");
}
