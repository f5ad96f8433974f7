// error.c -- runtime errors: what the runtime raises becomes a value of the Go types in rt/go/runtime/error.go, and the end of a program
// that nobody saved.
#include "go.h"
#include "panic.h"
#include "start.h"
#include "../lib.h"
#include "../report.h"
#include "../sched.h"

// Interface values with a static table, made by the Go part (error.go). Pointers as uintptr: nothing to move.
_Noreturn void go_raise(String text, bool runtime_error) GO("runtime.burrowRaise");
_Noreturn void go_raise_bounds(int64_t x, intptr_t y, bool is_signed, uint8_t code) GO("runtime.burrowRaiseBounds");
_Noreturn void go_raise_at(String text, uintptr_t addr) GO("runtime.burrowRaiseAt");
String go_panic_text(Any v) GO("runtime.burrowPanicText");

static _Noreturn void raise_here(const char *text, bool runtime_error) { go_raise(go_str(text), runtime_error); }

void go_panic_error(const char *text) { raise_here(text, true); }
void go_panic_plain(const char *text) { raise_here(text, false); }

// ---- names that gccgo's code calls

void go_panicdivide(void) GO("runtime.panicdivide");
void go_panicdivide(void) { go_panic_error("integer divide by zero"); }
void go_panicshift(void) GO("runtime.panicshift");
void go_panicshift(void) { go_panic_error("negative shift amount"); }
void go_panicgonil(void) GO("runtime.panicgonil");
void go_panicgonil(void) { go_throw("go of nil func value"); }
static const char nil_text[] = "invalid memory address or nil pointer dereference";
void go_panicmem(void) GO("runtime.panicmem");
void go_panicmem(void) { raise_here(nil_text, true); }
// A routine of the runtime was given a pointer into page zero: the trace says where.
void go_panic_mem(void) {
    g_self()->fault = (Fault){(uintptr_t)__builtin_return_address(0), 0, FAULT_NIL};
    raise_here(nil_text, true);
}
void go_panic_mem_door(void);
void go_panic_mem_door(void) { go_panic_mem(); }

enum { INDEX, SLICE_ALEN, SLICE_ACAP, SLICE_B, SLICE3_ALEN, SLICE3_ACAP, SLICE3_B, SLICE3_C, CONVERT };
#define BOUNDS(name, code)                                                                                             \
    void go_panic##name(intptr_t x, intptr_t y) GO("runtime.goPanic" #name);                                           \
    void go_panic##name(intptr_t x, intptr_t y) { go_raise_bounds(x, y, true, code); }                                 \
    void go_panic##name##U(intptr_t x, intptr_t y) GO("runtime.goPanic" #name "U");                                    \
    void go_panic##name##U(intptr_t x, intptr_t y) { go_raise_bounds(x, y, false, code); }                             \
    void go_panicX##name(int64_t x, intptr_t y) GO("runtime.goPanicExtend" #name);                                     \
    void go_panicX##name(int64_t x, intptr_t y) { go_raise_bounds(x, y, true, code); }                                 \
    void go_panicX##name##U(int64_t x, intptr_t y) GO("runtime.goPanicExtend" #name "U");                              \
    void go_panicX##name##U(int64_t x, intptr_t y) { go_raise_bounds(x, y, false, code); }
BOUNDS(Index, INDEX)
BOUNDS(SliceAlen, SLICE_ALEN)
BOUNDS(SliceAcap, SLICE_ACAP)
BOUNDS(SliceB, SLICE_B)
BOUNDS(Slice3Alen, SLICE3_ALEN)
BOUNDS(Slice3Acap, SLICE3_ACAP)
BOUNDS(Slice3B, SLICE3_B)
BOUNDS(Slice3C, SLICE3_C)
void go_panicSliceConvert(intptr_t want, intptr_t len) GO("runtime.goPanicSliceConvert");
void go_panicSliceConvert(intptr_t want, intptr_t len) { go_raise_bounds(len, want, true, CONVERT); }

// ---- what rt/panic.c raises in a Go program comes here

void rt_go_raise(const char *text, bool runtime_error);
void rt_go_raise(const char *text, bool runtime_error) {
    static const char prefix[] = "runtime error: ";
    size_t i = 0;
    while (prefix[i] && text[i] == prefix[i])
        i++;
    raise_here(prefix[i] ? text : text + i, runtime_error && !prefix[i]);
}

// A fault in application text: entered as if called by the faulting instruction.
void rt_go_fault(void);
void rt_go_fault(void) {
    Fault f = g_self()->fault; // its panic takes it
    switch ((FaultKind)f.kind) {
    case FAULT_DIVIDE: raise_here("integer divide by zero", true);
    case FAULT_FPE: raise_here("floating point error", true);
    case FAULT_ACCESS: go_raise_at(go_str(nil_text), f.addr);
    default: raise_here(nil_text, true);
    }
}

// ---- the end

void go_throw(const char *text) { rt_fatal("%s", text); }
void go_throw_string(String s) GO("sync.throw");
void go_throw_string(String s) { rt_fatal("%.*s", (int)s.n, s.p); }
void go_fatal_string(String s) GO("sync.fatal");
void go_fatal_string(String s) { rt_fatal("%.*s", (int)s.n, s.p); }

typedef struct Line { struct Line *older; String text; bool recovered, goexit; } Line;
typedef struct Death { const Line *lines; Fault fault; } Death;

static void print_and_end(void *arg) {
    const Death *d = arg;
    report_begin();
    bool first = true;
    for (const Line *l = d->lines; l; l = l->older) {
        if (l->goexit) continue;
        rt_printf("%spanic: ", first ? "" : "\t");
        plat_write(l->text.p, (size_t)l->text.n);
        rt_printf("%s\n", l->recovered ? " [recovered]" : "");
        first = false;
    }
    fault_print(&d->fault);
    TracebackLevel level = hint_load(&go_traceback);
    if (level != TRACEBACK_NONE) {
        rt_printf("\n");
        traceback_self();
    }
    if (level == TRACEBACK_ALL) traceback_all(false);
    report_end(2);
}

// The texts are made first, by the values' own methods, while the program still runs. Oldest panic first; of faults the newest is shown, as in Go.
void go_die(GoPanic *p) {
    Line *lines = NULL;
    Fault fault = {0};
    for (; p; p = p->link) {
        if (!fault.pc) fault = p->fault;
        static const uint8_t bits[] = {3};
        static const String name = {"runtime.line", 12};
        static const Type type = {.size = sizeof(Line), .ptrdata = 16, .align = 8, .field_align = 8, .kind = KIND_STRUCT, .gcdata = bits, .string = &name};
        Line *l = heap_alloc(sizeof *l, &type, 0);
        *l = (Line){lines, p->goexit ? (String){NULL, 0} : go_panic_text(p->value), p->recovered, p->goexit};
        lines = l;
    }
    Death d = {lines, fault};
    sys_call(print_and_end, &d);
    __builtin_unreachable();
}

void go_goexit_last(void) {
    G *g = g_self();
    if (g->id == 1) {
        store_seq(&sched.main_exited, 1);
        if (!g->system) p_self()->n_exited++;
        g->system = true;
        g_park(WAIT_PARK, NULL);
    }
    g_end();
}

// ---- descriptors of the records

static const uint8_t defer_bits[] = {1 | 4 | 8 | 32}; // link, panic_stack, panic, arg
static const String defer_name = {"runtime._defer", 14};
const Type go_defer_type = {.size = sizeof(GoDefer), .ptrdata = 48, .align = 8, .field_align = 8, .kind = KIND_STRUCT, .gcdata = defer_bits, .string = &defer_name};
static const uint8_t panic_bits[] = {1 | 2 | 4};
static const String panic_name = {"runtime._panic", 14};
const Type go_panic_type = {.size = sizeof(GoPanic), .ptrdata = 24, .align = 8, .field_align = 8, .kind = KIND_STRUCT, .gcdata = panic_bits, .string = &panic_name};
