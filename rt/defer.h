// defer.h -- what panics of C (panic.c) and those of programs with Go code (go/panic.c, go/mixed.c) share.
//
// Owner's G only, goroutine's stack.
#pragma once
#include "core.h"

// A panic as recover() sees it.
typedef struct Panic {
    struct Panic *link;
    Any value;
    Fault fault; // that it is
    bool recovered, goexit;
} Panic;

// What a new panic is made of. A fault is noted in interrupt context, and nothing of the program runs before its panic is made.
static inline Fault fault_take(G *g) {
    Fault f = g->fault;
    g->fault = (Fault){0};
    return f;
}
void fault_print(const Fault *f); // the line behind the panics' texts, if it is one

// Takes d off the list and runs it, as a call of its own: what it raises and recovers by itself ends here, as if it had returned.
// recoverable: the panic that recover() in it may stop; NULL: none.
void defer_run_one(Defer *d, Panic *recoverable);
// Continues in f's function, which returns; what is on the stack below is gone.
_Noreturn void catch_continue(CatchFrame *f);
// After a recovery that no catch frame waits for: the goroutine ends, the program with status 0 if it is main's.
_Noreturn void panic_end_quietly(void);

// In a program with Go code there is one kind of panic, Go's, and what C raises is one of these (go/mixed.c; weak in panic.c).
_Noreturn void rt_go_panic(Any v);
_Noreturn void rt_go_panic_text(const char *text); // a string of Go
_Noreturn void rt_go_goexit(void);
const char *rt_go_text(Any v); // as panic_text
bool rt_go_is_runtime_error(Any v);
