// root.h -- every place of the runtime itself where an application's pointer may be the only one to an object.
#pragma once
#include "core.h"

typedef enum {
    ROOT_STACK,     // the used part of a goroutine's stack segments, from rsp - 128 (red zone) up; conservative
    ROOT_CONTEXT,   // saved registers and vector state of a preempted goroutine; conservative
    ROOT_GOROUTINE, // a goroutine's record: its argument, a panic's value, what wakes it
    ROOT_TIMERS,    // pointers to armed timers
    ROOT_LABELS,    // of goroutines, in samples of a CPU profile
    ROOT_VARIABLES, // the program's variables; conservative
} RootKind;

typedef struct Root {
    const void *lo, *hi; // words [lo, hi)
    RootKind kind;
    const G *g; // owner; NULL: a core's
} Root;

// Calls fn for each. World stopped; or the caller knows that nobody runs. The caller's own goroutine is included as it stands.
// Locks: none.
void roots_for_each(void (*fn)(const Root *root, void *arg), void *arg);
// Without the caller's goroutine. System stack.
void roots_of_others(void (*fn)(const Root *root, void *arg), void *arg);

// Variables that are written through the barrier: those of Go that may lead into the heap, as gccgo's code registers them (its gcRootList, one a package).
typedef struct VarRoot {
    void *at;
    uintptr_t size, ptrdata; // bytes; no pointer lies behind the first ptrdata
    const uint8_t *gcdata;
} VarRoot;
typedef struct VarList {
    struct VarList *next;
    intptr_t n;
    VarRoot roots[];
} VarList;
// From now on they are roots; at the next stop 1 at the latest. Nothing in them may lead into the heap before. Again: nothing. No two at once. No locks.
void root_vars_add(VarList *v);
bool root_vars_any(void); // some were registered: there is Go code
