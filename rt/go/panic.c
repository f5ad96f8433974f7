// panic.c -- defer, panic, recover, Goexit as gccgo compiles them.
//
// A function with defer statements has a flag in its frame; its address identifies the frame. `defer f(x)` becomes deferproc or
// deferprocStack(record, &flag, thunk, args); at its end the function calls deferreturn(&flag). Panicking runs the deferred calls on top of the
// panicking stack, innermost first. When one of them has recovered, execution goes on in the landing pad of the function that deferred it,
// which calls checkdefer(&flag), deferreturn, and returns. (Functions with deferred calls are inlined, too: a frame may hold several flags, and the
// landing pads of the inner ones come first.)
//
// libgcc would search all frames in two phases, asking each function's personality. We know which frame it is: the one that holds the flag.
// So one walk by unwind.c, on the system stack, finds its registers and its landing pad, and needs neither libgcc's stack nor its locks. Functions in
// between have run their deferred calls already and have nothing else to clean up.
//
// Which panic a recover() stops: recover is compiled to gorecover in functions that were called by a deferred thunk directly, which
// canrecover(return address) decides: the thunk has told the address behind its call by setdeferretaddr.
#include "go.h"
#include "unwind.h"
#include "panic.h"
#include "../sched.h"
#include "../report.h"

typedef void Thunk(void *arg);

// ---- defer

// The record's other fields are zero. Word by word: clearing it as a whole first takes longer.
static inline void push_defer(GoDefer *d, bool *frame, Thunk *fn, void *arg) {
    G *g = g_self();
    d->link = g->go_defers;
    d->frame = frame;
    d->panic_stack = g->go_panics;
    d->fn = fn;
    d->arg = arg;
    g->go_defers = d;
}

void go_deferproc(bool *frame, Thunk *fn, void *arg) GO("runtime.deferproc");
void go_deferproc(bool *frame, Thunk *fn, void *arg) {
    GoDefer *d = heap_alloc(sizeof *d, &go_defer_type, 0);
    d->heap = true;
    push_defer(d, frame, fn, arg);
    RT_DOOR();
}

void go_deferproc_stack(GoDefer *d, bool *frame, Thunk *fn, void *arg) GO("runtime.deferprocStack");
void go_deferproc_stack(GoDefer *d, bool *frame, Thunk *fn, void *arg) {
    d->panic = NULL;
    d->retaddr = 0;
    __builtin_memset(&d->make_func_can_recover, 0, sizeof *d - offsetof(GoDefer, make_func_can_recover)); // a word, its end included: what was there may be an address
    push_defer(d, frame, fn, arg);
}

void go_deferreturn(bool *frame) GO("runtime.deferreturn");
void go_deferreturn(bool *frame) {
    GoDefer *d = g_self()->go_defers;
    while (d && d->frame == frame) {
        Thunk *fn = d->fn;
        d->fn = NULL;
        if (fn) fn(d->arg);
        d = g_self()->go_defers = d->link;
        *frame = true; // the function returns, it does not panic
    }
    RT_DOOR();
}

bool go_setdeferretaddr(uintptr_t ret) GO("runtime.setdeferretaddr");
bool go_setdeferretaddr(uintptr_t ret) {
    GoDefer *d = g_self()->go_defers;
    if (d) d->retaddr = ret;
    return false;
}

_Noreturn void go_land(void *frame);

// The landing pad of a function with deferred calls. It may have been inlined into the one that is meant: then the search goes on from here.
void go_checkdefer(bool *frame) GO("runtime.checkdefer");
void go_checkdefer(bool *frame) {
    G *g = g_self();
    GoDefer *d = g->go_defers;
    if (!d || d->fn) rt_throw("a landing pad was entered that nobody meant");
    if (d->frame != frame) go_land(d->frame);
    g->go_defers = d->link;
    *frame = true;
}

// ---- recover

// May the function that asks recover? It may if the thunk of the deferred call called it: the thunk has told which address its call returns to. Mostly that is
// the asking function's own return address. It is not where something stands between the two: a wrapper of the compiler's for a method, __morestack, or package
// reflect and libffi. These have names that tell; any other function in between says no. (A function that was inlined into the thunk, and called what asks,
// shows no frame, but another return address.)
typedef struct Callers { Unwind u; uintptr_t retaddr; bool by_thunk; } Callers;

// The label lies behind the call, and gcc may have put a few instructions between them.
static bool is_return_of(uintptr_t ret, uintptr_t retaddr) { return retaddr && ret <= retaddr && ret + 16 >= retaddr; }

static bool contains(const char *s, const char *word) {
    for (; *s; s++) {
        size_t i = 0;
        while (word[i] && s[i] == word[i])
            i++;
        if (!word[i]) return true;
    }
    return false;
}

static bool begins(const char *s, const char *with) {
    while (*with && *s == *with)
        s++, with++;
    return !*with;
}

static bool is_wrapper(const char *name) {
    return contains(name, "..stub") || contains(name, "__morestack") || contains(name, "call_with_stack") || begins(name, "ffi_");
}
// Package reflect on the way from a made function (reflect.MakeFunc, a method value) to what it stands for. By itself, as in defer v.Call(nil), it is a
// caller as any other.
static bool is_reflection(const char *name) {
    return begins(name, "reflect.") || begins(name, "reflect[") || begins(name, "do_call") || begins(name, "runtime.reflectcall");
}

// libffi and the stack's change of place by it take frames of their own: a call by reflection through a made function has about 20.
#define CALLERS_MAX 40

static void walk_callers(void *arg) {
    Callers *c = arg;
    const G *g = p_self()->g;
    bool reflecting = false, made = false; // package reflect was met, but not yet the function that it made; that was
    for (int depth = 0; depth < CALLERS_MAX && unwind_step(g, &c->u) && !go_is_runner(c->u.pc); depth++) {
        if (depth < 2) continue; // canrecover, and who asks
        RtSymbol s;
        if (!rt_symbolize(c->u.pc - 1, &s) || is_wrapper(s.name)) continue;
        if (contains(s.name, "..thunk")) {
            c->by_thunk = !reflecting && is_return_of(c->u.pc, c->retaddr);
            return;
        }
        if (!is_reflection(s.name) || (made && !begins(s.name, "reflect.ffi"))) return;
        made = begins(s.name, "reflect.ffi_callback");
        reflecting = !made;
    }
}

static __attribute__((noinline)) bool called_by_thunk(uintptr_t retaddr) {
    Callers c = {.retaddr = retaddr};
    unwind_here(&c.u);
    sys_call(walk_callers, &c);
    return c.by_thunk;
}

bool go_canrecover(uintptr_t ret) GO("runtime.canrecover");
bool go_canrecover(uintptr_t ret) {
    G *g = g_self();
    GoDefer *d = g->go_defers;
    if (!d || !g->go_panics || d->panic_stack == g->go_panics) return false;
    if (is_return_of(ret, d->retaddr)) return true;
    bool yes = called_by_thunk(d->retaddr);
    __asm__("" : "+r"(yes)); // not a jump: walk_callers counts frames
    return yes;
}

Any go_recover(void) GO("runtime.gorecover");
Any go_recover(void) {
    GoPanic *p = g_self()->go_panics;
    if (!p || p->recovered || p->goexit) return (Any){NULL, NULL};
    p->recovered = true;
    return p->value;
}

// defer recover(): stops only a panic that was there when the call was deferred.
Any go_deferred_recover(void) GO("runtime.deferredrecover");
Any go_deferred_recover(void) {
    G *g = g_self();
    if (!g->go_defers || g->go_defers->panic_stack != g->go_panics) return (Any){NULL, NULL};
    return go_recover();
}

// ---- continuing where a panic was recovered

void go_land_at(Unwind *u, uintptr_t frame);
_Noreturn void go_land_enter(const Unwind *u, uintptr_t guard);

void *go_resume_frame(void);
void *go_resume_frame(void) {
    GoDefer *d = g_self()->go_defers;
    if (!d) rt_throw("a landing pad was entered that nobody meant");
    return d->frame;
}

// System stack, where u lies, too.
void go_land_at(Unwind *u, uintptr_t frame) {
    G *g = p_self()->g;
    uintptr_t pad = unwind_to(g, u, frame);
    if (unlikely(pad == UNWIND_NO_FRAME)) rt_throw("recovered, but the frame that deferred is not found");
    if (unlikely(pad == UNWIND_NO_PAD)) rt_throw("recovered, but the function that deferred has no landing pad here");
    u->pc = pad;
    stack_reset_to(g, u->sp);
    go_land_enter(u, g->guard);
}

// ---- panic

#define PANIC_ROOM 1024

static GoPanic *push_panic(Any v, bool goexit) {
    GoPanic *p = heap_alloc(sizeof *p, &go_panic_type, 0);
    G *g = g_self();
    p->link = g->go_panics;
    p->value = v;
    p->goexit = goexit;
    p->recoverable = g->recoverable;
    p->fault = fault_take(g);
    g->go_panics = p;
    return p;
}

// Drops panics that ended before they were done: a deferred call of theirs panicked, and that panic was recovered further out. True: a Goexit was
// among them, which goes on.
static bool drop_aborted(G *g) {
    while (g->go_panics && g->go_panics->aborted) {
        if (g->go_panics->goexit) return true;
        go_drop_panic(g);
    }
    return false;
}

typedef struct Raise { Any value; bool goexit; } Raise;

static __attribute__((noinline, noclone)) void run_deferred(void *arg) {
    const Raise *r = arg;
    GoPanic *p = push_panic(r->value, r->goexit);
    for (;;) {
        G *g = g_self();
        go_passed_c(g, p);
        if (go_c_is_next(g)) {
            go_run_c(p);
            continue;
        }
        GoDefer *d = g->go_defers;
        if (!d) break;
        Thunk *fn = d->fn;
        if (!fn) { // begun by an earlier panic or Goexit, which will not go on
            if (d->panic) d->panic->aborted = true;
            d->panic = NULL;
            g->go_defers = d->link;
            continue;
        }
        d->fn = NULL;
        d->panic = p;
        g->recoverable = NULL; // C's recover() is for what C deferred
        fn(d->arg);
        g = g_self();
        if (g->go_defers != d) rt_throw("deferred calls are not nested");
        d->panic = NULL;
        if (p->recovered) {
            go_drop_panic(g);
            if (drop_aborted(g)) {
                p = g->go_panics; // the Goexit goes on
                p->aborted = false;
                g->go_defers = d->link;
                continue;
            }
            go_leave_c(g, d);
            go_land(d->frame);
        }
        *d->frame = false; // panicking through it
        g->go_defers = d->link;
    }
    if (p->goexit) {
        g_self()->go_panics = NULL;
        go_goexit_last();
    }
    go_die(p);
}

void go_panic(Any v) {
    Raise r = {v, false};
    call_with_stack(PANIC_ROOM, run_deferred, &r);
    __builtin_unreachable();
}

void go_goexit(void) {
    Raise r = {{NULL, NULL}, true};
    call_with_stack(PANIC_ROOM, run_deferred, &r);
    __builtin_unreachable();
}

bool go_is_panic(uintptr_t pc) { return unwind_function(pc - 1) == (uintptr_t)run_deferred; }
bool go_is_runner(uintptr_t pc) { return go_is_panic(pc) || unwind_function(pc - 1) == (uintptr_t)go_deferreturn; }
