// mixed.c -- panics in programs of C and Go: deferred calls of both, in the order in which they were made.
//
// There is one kind of panic in such a program, Go's (panic.c); what C raises comes here. A goroutine has two lists of deferred calls, one for each language,
// because the compilers' records differ. Their order: each of C's remembers which of Go's was innermost when it was made, so it is the next to run
// exactly while that one is the innermost again.
//
// C FRAMES ARE PASSED by a landing (panic.c): they have unwind tables, as Go's, and nothing to clean up but what they deferred, which has run
// by then. Catch frames (rt/panic.c) that are passed come off the list; one is passed if the deferred call that recovered is among those that it
// remembers.
//
// C RECOVERS: the call continues in the catch frame that C's deferred call remembers. Whatever lies between, Go functions too, is left, and what they
// deferred runs as at their return; panics raised there are dropped, an exit of the goroutine (Goexit) among them goes on.
//
// PASSED OVER. A panic during a deferred call ends the one that ran the call, unless it is recovered inside. Go's records say which panic runs them; for
// C's the panic keeps how the lists were when it began the call (in_c): whoever finds them like this again and is about to run what
// is next has left that call.
#include "go.h"
#include "panic.h"
#include "../api/str.h"
#include "../sched.h"

// p's deferred call, and those of older panics, that p has left for good.
void go_passed_c(const G *g, GoPanic *p) {
    for (GoPanic *q = p->link; q; q = q->link)
        if (q->in_c && q->c_go == g->go_defers && q->c_defers == g->defers) {
            q->in_c = false;
            q->aborted = true;
        }
}

// The innermost panic is over.
void go_drop_panic(G *g) {
    g->recoverable = g->go_panics->recoverable;
    g->go_panics = g->go_panics->link;
}

static bool among(const GoDefer *list, const GoDefer *d) {
    while (list && list != d)
        list = list->link;
    return list;
}

void go_leave_c(G *g, const GoDefer *d) {
    while (g->catches && among(g->catches->go_defers, d))
        g->catches = g->catches->link;
}

// As if their functions had returned.
static void run_rest(Defer *c_outer, GoDefer *go_outer) {
    for (;;) {
        G *g = g_self();
        if (g->defers == c_outer && g->go_defers == go_outer) return;
        if (g->defers != c_outer && go_c_is_next(g)) {
            defer_run_one(g->defers, NULL);
            continue;
        }
        GoDefer *d = g->go_defers;
        if (!d) rt_throw("deferred calls are not nested");
        void (*fn)(void *) = d->fn;
        d->fn = NULL;
        if (fn) fn(d->arg);
        g_self()->go_defers = d->link;
    }
}

static _Noreturn void recovered(GoPanic *p, CatchFrame *f) {
    G *g = g_self();
    GoPanic *outside = f ? f->go_panics : NULL;
    bool leaving = false;
    for (const GoPanic *q = p; q && q != outside; q = q->link)
        leaving |= q->goexit;
    g->go_panics = outside;
    g->recoverable = f ? f->recoverable : NULL;
    if (leaving) go_goexit();
    run_rest(f ? f->defers : NULL, f ? f->go_defers : NULL);
    if (!f) panic_end_quietly();
    catch_continue(f);
}

void go_run_c(GoPanic *p) {
    G *g = g_self();
    Defer *d = g->defers;
    CatchFrame *f = d->catcher;
    Panic seen = {.value = p->value, .goexit = p->goexit};
    p->c_go = g->go_defers;
    p->c_defers = d->link;
    p->in_c = true;
    defer_run_one(d, p->goexit ? NULL : &seen);
    p->in_c = false;
    if (seen.recovered) recovered(p, f);
}

// ---- what C raises and asks

String go_panic_text(Any v) GO("runtime.burrowPanicText");
bool go_is_runtime_error(Any v) GO("runtime.burrowIsRuntimeError");
_Noreturn void go_raise_string(String text) GO("runtime.burrowRaiseString");

_Noreturn void rt_go_panic(Any v) { go_panic(v); }
_Noreturn void rt_go_panic_text(const char *text) { go_raise_string(go_str(text)); }
_Noreturn void rt_go_goexit(void) {
    go_goexit();
    __builtin_unreachable();
}
bool rt_go_is_runtime_error(Any v) { return v.type && go_is_runtime_error(v); }
const char *rt_go_text(Any v) {
    if (!v.type) return "";
    String s = go_panic_text(v);
    char *text = go_alloc_noscan((size_t)s.n + 1);
    mem_move(text, s.p, (size_t)s.n);
    return text;
}
