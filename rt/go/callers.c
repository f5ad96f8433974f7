// callers.c -- runtime.Callers and what turns addresses into names and lines.
//
// Functions that the compiler has put into their callers count, as in Go. Several frames then have one address: the bits above PC_BITS say how many
// functions further out than the innermost one a frame is, so each element of a list means one frame wherever the list begins.
#include "go.h"
#include "unwind.h"
#include "panic.h"
#include "../report.h"
#include "../sched.h"

typedef struct Symbol { uintptr_t pc; RtSymbol s; bool known; } Symbol;
typedef struct SymbolArgs { uintptr_t pc; String *function, *file; intptr_t *line; uintptr_t *entry; bool known; } SymbolArgs;
static void symbol_call(void *arg) {
    Symbol *s = arg;
    s->known = rt_symbolize_level(pc_address(s->pc), pc_level(s->pc), &s->s);
}

static void symbol_fill(void *arg) {
    SymbolArgs *a = arg;
    Symbol s = {.pc = a->pc};
    sys_call(symbol_call, &s);
    a->known = s.known;
    if (!s.known) return;
    char buf[160];
    const char *name = rt_go_name(s.s.name, buf, sizeof buf);
    String plain = go_str(name ? name : s.s.name);
    char *copy = go_alloc_noscan((size_t)plain.n);
    memcpy(copy, plain.p, (size_t)plain.n);
    *a->function = (String){copy, plain.n};
    *a->file = go_str(s.s.file);
    *a->line = s.s.line;
    *a->entry = pc_address(a->pc) - s.s.offset;
}

bool go_symbol(uintptr_t pc, String *function, String *file, intptr_t *line, uintptr_t *entry) GO("runtime.burrowSymbol");
bool go_symbol(uintptr_t pc, String *function, String *file, intptr_t *line, uintptr_t *entry) {
    SymbolArgs a = {pc, function, file, line, entry, false};
    call_with_stack(1024, symbol_fill, &a);
    return a.known;
}

// What stands below a goroutine's function in gccgo's own runtime: who looks for a frame in a list takes it that there is one more.
void go_kickoff(void) GO("runtime.kickoff");
void go_kickoff(void) {}

typedef struct Walk { Unwind u; intptr_t skip, n, max; uintptr_t *out; } Walk;
static void walk(void *arg) {
    Walk *w = arg;
    const G *g = p_self()->g;
    extern const char __start_app_text[], __stop_app_text[];
    bool body = false;
    while (w->n < w->max && unwind_step(g, &w->u)) {
        uintptr_t pc = w->u.pc, at = pc - (w->u.is_call ? 1 : 0); // a return address may lie behind the program's code
        bool panic = go_is_panic(pc); // counts as Go's runtime.gopanic; the runtime's other frames are not shown
        if (!panic && (at < (uintptr_t)__start_app_text || at >= (uintptr_t)__stop_app_text)) continue;
        RtSymbol s;
        char buf[160];
        for (unsigned level = 0; w->n < w->max; level++) {
            bool wrapper = body, known = rt_symbolize_level(at, level, &s);
            if (!known && level > 0) break;
            body = known && rt_go_is_body(s.name);
            if (wrapper || (known && !rt_go_name(s.name, buf, sizeof buf))) continue; // the compiler's
            if (w->skip-- > 0) continue;
            w->out[w->n++] = pc_of(at + 1, level);
            if (!known) break;
        }
    }
    if (w->n < w->max && w->skip <= 0) w->out[w->n++] = (uintptr_t)go_kickoff + 1;
}

// skip 0: Callers itself; 1: its caller.
intptr_t go_callers(intptr_t skip, GoSlice pcs) GO("runtime.Callers");
intptr_t go_callers(intptr_t skip, GoSlice pcs) {
    Walk w = {.skip = skip - 1, .max = pcs.len, .out = pcs.p};
    if (skip <= 0 && w.max > 0) w.out[w.n++] = (uintptr_t)go_callers + 1;
    unwind_here(&w.u);
    sys_call(walk, &w);
    RT_DOOR();
    return w.n;
}

void go_burrow_throw(String s) GO("runtime.burrowThrow");
void go_burrow_throw(String s) { rt_fatal("%.*s", (int)s.n, s.p); }

// ---- runtime.Stack: the dump that a fatal error would print, as text

static void dump_self(void *arg) {
    report_capture(arg);
    traceback_self();
    report_release();
}
static void dump_all(void *arg) {
    report_capture(arg);
    traceback_self();
    traceback_all(false);
    report_release();
}

intptr_t go_stack(GoSlice buf, bool all) GO("runtime.Stack");
intptr_t go_stack(GoSlice buf, bool all) {
    ReportCapture c = {.out = buf.p, .room = (size_t)buf.len};
    if (all) world_stopped_do(dump_all, &c); // each stands still, its stack is whole
    else sys_call(dump_self, &c);
    if (c.n > 1 && c.n < c.room && c.out[c.n - 2] == '\n') c.n--; // the empty line that parts goroutines
    RT_DOOR();
    return (intptr_t)c.n;
}

// ---- reflect.MakeFunc: may the function that a deferred call reaches through libffi recover? Package reflect's C part asks for the names of its callers.
typedef struct Location { uintptr_t pc; String file, function; intptr_t line; } Location;

typedef struct Locate { Unwind u; int32_t skip, n, max; Location *out; } Locate;
static void locate(void *arg) {
    Locate *l = arg;
    const G *g = p_self()->g;
    while (l->n < l->max && unwind_step(g, &l->u)) {
        if (l->skip-- > 0) continue;
        RtSymbol s;
        Location *at = &l->out[l->n++];
        *at = (Location){.pc = l->u.pc};
        if (go_is_runner(l->u.pc)) at->function = go_str("runtime.gopanic");
        else if (rt_symbolize(l->u.pc - 1, &s)) at->function = go_str(s.name), at->file = go_str(s.file), at->line = s.line;
    }
}
int32_t go_locations(int32_t skip, Location *out, int32_t max, bool keep_thunks) GO("runtime_callers");
int32_t go_locations(int32_t skip, Location *out, int32_t max, bool keep_thunks) {
    Locate l = {.skip = skip, .max = max, .out = out};
    unwind_here(&l.u);
    sys_call(locate, &l);
    return l.n;
}

// go_canrecover finds that out by itself, from the frames that there are.
void go_makefunc_can_recover(GoSlice callers) GO("runtime.makefuncfficanrecover");
void go_makefunc_can_recover(GoSlice callers) {}
void go_makefunc_returning(void) GO("runtime.makefuncreturning");
void go_makefunc_returning(void) {}
