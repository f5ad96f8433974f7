// api/base.h -- goroutines, scheduling, defer, panic and recover for applications in C.
//
// Included by burrow.h; applications include only that. "Blocks": may park the calling goroutine. All functions are called from
// goroutines; none from interrupt handlers. Bugs of the caller panic as Go does; the text is given with each function.
#pragma once
#include "../type.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- goroutines
// Starts fn(arg) as a new goroutine (Go: go fn(arg)). arg must not point into the caller's stack: it may be gone, and
// the collector does not look for it there. Never blocks. Ends the program with "out of memory" when there is none.
void go(void (*fn)(void *arg), void *arg);
// Lets others run (runtime.Gosched).
void gosched(void);
// Ends the calling goroutine after its deferred calls (runtime.Goexit). In goroutine 1: the others go on, then deadlock is reported.
_Noreturn void goexit(void);
// Ends the program with status code & 255 at once (os.Exit): deferred calls do not run.
_Noreturn void program_exit(int code);

int cpu_count(void);               // cores that the machine brought up (runtime.NumCPU)
// Sets the number of cores that run goroutines, 1..cpu_count(); n <= 0 only asks. Returns the previous value. Stops the world
// shortly (runtime.GOMAXPROCS).
int gomaxprocs(int n);
int goroutine_count(void);         // runtime.NumGoroutine
uint64_t goroutine_id(void);
int core_id(void);                 // core the caller runs on now; constant only while pinned

// ---- scheduling by the programmer
// Binds the calling goroutine to its present core until the matching unlock; nests (runtime.LockOSThread). Others still run there.
void lock_os_thread(void);
void unlock_os_thread(void);
// Binds the caller to `core` (moves there); core < 0 releases. False: no such core in use (see gomaxprocs) or owned by another.
bool goroutine_pin(int core);
typedef enum { PRIORITY_HIGH = 0, PRIORITY_NORMAL = 1, PRIORITY_LOW = 2 } Priority;
// HIGH runs before others and preempts them when it wakes; LOW runs only when nothing else is runnable on its core.
// Returns the previous class.
Priority goroutine_priority(Priority p);
// Gives the calling goroutine its core for itself: what was queued there moves away, nothing else is scheduled there until false is
// passed or it ends. False: it is the last shared core, or other goroutines are pinned to it.
bool goroutine_own_core(bool on);
// Time slice of every core, ns, at least 10 us (less counts as that); 0 only asks. Returns the previous value. Default 10 ms.
int64_t sched_set_slice(int64_t ns);
// Cap of one goroutine's stack in bytes; returns the previous one (debug.SetMaxStack). Default 1000000000.
size_t set_max_stack(size_t bytes);

// ---- panic, defer, recover
// Panics with a value (Go: panic(v)). Runs deferred calls of this goroutine, innermost first; unless one recovers, prints
// "panic: ..." with the goroutine's trace and ends the program with status 2.
_Noreturn void panic_any(Any v);
_Noreturn void panic(const char *text); // text must outlive the panic
// In a call deferred by a function that panicked (or in what that call calls): stops the panic and returns its value; otherwise {NULL, NULL},
// also in deferred calls that run because their block ended normally (Go: recover()).
Any recover(void);
// Text of a panic value made by panic() or the runtime; "" for other types. Static or as long-lived as the value.
const char *panic_text(Any v);
bool panic_is_runtime_error(Any v); // Go: v.(runtime.Error)

typedef struct Defer {
    struct Defer *link;
    void (*fn)(void *);
    void *arg;
    struct CatchFrame *catcher; // innermost catch_panics when it was pushed: where a recover in it continues
    struct GoDefer *go;         // what Go functions had deferred then: the order among both (rt/go/mixed.c)
    bool armed;
} Defer;
void defer_push(Defer *d, void (*fn)(void *), void *arg); // use defer()
void defer_run(Defer *d);                                 // scope exit
// Calls fn(arg) when the enclosing *block* ends, by any way out: end, break, return, panic, goexit (Go: function, not block).
#define BURROW_JOIN2(a, b) a##b
#define BURROW_JOIN(a, b)  BURROW_JOIN2(a, b)
#define defer(fn, arg)                                                                                                 \
    __attribute__((cleanup(defer_run))) Defer BURROW_JOIN(defer_, __LINE__);                                           \
    defer_push(&BURROW_JOIN(defer_, __LINE__), (fn), (arg))

// catch_panics(value): first statement of a function that wants to survive a panic: when a deferred call of this function, or of
// one it called, recovers, this function returns `value` to its caller (void function: catch_panics()). Locals changed
// after it are indeterminate unless volatile, but the deferred calls have seen them. Without one, a recovered goroutine ends quietly.
typedef struct CatchFrame {
    struct CatchFrame *link;
    uintptr_t regs[8]; // rbx rbp r12 r13 r14 r15 rsp rip (x86_64/gogo.asm)
    Defer *defers;     // those of outer scopes
    struct Panic *panic; // panics under way when it was pushed
    struct Panic *recoverable;
    struct GoDefer *go_defers; // the same of Go functions
    struct GoPanic *go_panics;
} CatchFrame;
int catch_save(CatchFrame *f) __attribute__((returns_twice));
void catch_pop(CatchFrame *f);
#define catch_panics(...)                                                                                              \
    __attribute__((cleanup(catch_pop))) CatchFrame catch_frame_;                                                       \
    if (catch_save(&catch_frame_)) return __VA_ARGS__

// Runs fn(arg) on a stack with at least `bytes` of room (a segment of its own): the way into code that is not compiled with
// -fsplit-stack. Returns when fn does.
void call_with_stack(size_t bytes, void (*fn)(void *), void *arg);

// If the program ends by a fatal error whose message, as the runtime's source has it, contains text ("stack overflow"; not a panic, not a fault, not what is
// filled in for a %), its status is `status`, not 2. For
// demonstrations and tests of what nothing survives. text must stay; NULL: no longer.
void fatal_expect(const char *text, int status);

// Runtime checks as Go's: panic "index out of range [i] with length n" / returns i.
intptr_t check_index(intptr_t i, intptr_t n);
