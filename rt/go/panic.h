// panic.h -- records of deferred calls and panics, and the parts of panicking.
#pragma once
#include "go.h"
#include "unwind.h"
#include "../defer.h"

// gccgo allocates these in its frames (deferprocStack): the layout is libgo's _defer.
typedef struct GoDefer {
    struct GoDefer *link;
    bool *frame;                 // flag in the frame of the function that deferred
    struct GoPanic *panic_stack; // innermost panic when it was deferred
    struct GoPanic *panic;       // that runs it
    void (*fn)(void *);          // NULL: running, or done
    void *arg;
    uintptr_t retaddr; // of the thunk's call
    bool make_func_can_recover, heap;
} GoDefer;
_Static_assert(sizeof(GoDefer) == 64, "libgo's _defer");

// On the heap: a frame that recovers and panics again leaves its stack while the record is still linked.
typedef struct GoPanic {
    struct GoPanic *link;
    Any value;
    bool recovered, aborted, goexit;
    // Of C functions' deferred calls (mixed.c). None of these leads into the heap by itself.
    bool in_c;           // one is running, which was taken off when the lists were these:
    GoDefer *c_go;
    Defer *c_defers;
    Panic *recoverable; // C's recover() before this panic
    Fault fault;        // that it is
} GoPanic;

extern const Type go_defer_type, go_panic_type;

typedef enum { TRACEBACK_NONE, TRACEBACK_SELF, TRACEBACK_ALL } TracebackLevel;
extern TracebackLevel go_traceback; // debug.SetTraceback; read by the end of the program

bool go_is_runner(uintptr_t pc); // a return address in what runs deferred calls
bool go_is_panic(uintptr_t pc);  // when panicking
void go_goexit_last(void);
void go_goexit(void) GO("runtime.Goexit");

// ---- mixed.c: deferred calls of C functions, among those of Go functions
static inline bool go_c_is_next(const G *g) { return g->defers && g->defers->go == g->go_defers; }
void go_run_c(GoPanic *p);             // runs the next one; does not return if it recovered p
void go_passed_c(const G *g, GoPanic *p);
void go_leave_c(G *g, const GoDefer *d); // before a landing in the frame of d
void go_drop_panic(G *g);

_Noreturn void go_die(GoPanic *p);

// The caller's frame, as the start of a walk. A macro: it must be in the caller's frame. The caller needs a frame pointer, which rt's code has.
#define unwind_here(up)                                                                                                \
    do {                                                                                                               \
        Unwind *u_ = (up);                                                                                             \
        __asm__ volatile("movq %%rbx, 0(%0)\n\tmovq %%rbp, 8(%0)\n\tmovq %%r12, 16(%0)\n\tmovq %%r13, 24(%0)\n\t"      \
                         "movq %%r14, 32(%0)\n\tmovq %%r15, 40(%0)\n\tmovq %%rsp, 48(%0)\n\tleaq 0(%%rip), %%rax\n\t"  \
                         "movq %%rax, 56(%0)"                                                                          \
                         :                                                                                             \
                         : "r"(u_)                                                                                     \
                         : "rax", "memory");                                                                           \
        u_->is_call = false;                                                                                           \
        u_->readable_from = u_->readable_to = 0;                                                                       \
    } while (0)
