// panic.c -- defer, panic, recover, goexit, and faults that become panics.
//
// As in Go, panicking runs the deferred calls on top of the panicking goroutine's stack, innermost first; nothing is unwound before one of
// them recovers. C functions cannot be made to return from outside, so a function that wants to survive opens a catch frame
// (catch_panics): recovering runs what is left of its deferred calls and continues there.
//
// Lists of a G, all on its own stack, touched only by itself: defers (innermost first), catches, panics under way. A deferred
// call remembers the catch frame that was innermost when it was pushed; a catch frame remembers the defers and panics outside of it. So
// recovering in a nested panic drops exactly the panics that were raised inside the frame that returns. Each deferred call runs inside
// a catch frame of the runtime's (defer_run_one): one that panics and recovers by itself has simply returned.
//
// A fault in application text (rt_fault, interrupt context) only skips the red zone, pushes the faulting PC and goes on in
// panic_fault on the goroutine's stack. Of the 768 B under the guard the faulting frame may have used 256 + 128.
#include "defer.h"
#include "sched.h"
#include "report.h"

// Panic values made by the runtime: the data word is a pointer to text (KIND_DIRECT).
static const String name_text = {"string", 6}, name_error = {"runtime.Error", 13};
static const Type type_text = {.size = 8, .ptrdata = 8, .align = 8, .field_align = 8, .kind = KIND_STRING | KIND_DIRECT, .string = &name_text};
static const Type type_error = {.size = 8, .ptrdata = 8, .align = 8, .field_align = 8, .kind = KIND_PTR | KIND_DIRECT, .string = &name_error};

#pragma weak rt_go_panic
#pragma weak rt_go_panic_text
#pragma weak rt_go_goexit
#pragma weak rt_go_text
#pragma weak rt_go_is_runtime_error

static const char *text_of(Any v) { return v.type == &type_text || v.type == &type_error ? (const char *)v.data : ""; }

const char *panic_text(Any v) {
    if (rt_go_text) return rt_go_text(v);
    return text_of(v);
}
bool panic_is_runtime_error(Any v) {
    if (rt_go_is_runtime_error) return rt_go_is_runtime_error(v);
    return v.type == &type_error;
}

// ---- defer

void defer_push(Defer *d, void (*fn)(void *), void *arg) {
    G *g = g_self();
    *d = (Defer){.link = g->defers, .fn = fn, .arg = arg, .catcher = g->catches, .go = g->go_defers, .armed = true};
    g->defers = d;
}

void defer_run_one(Defer *d, Panic *recoverable) {
    G *g = g_self();
    CatchFrame f;
    g->defers = d->link;
    d->armed = false;
    if (catch_save(&f) == 0) {
        g->recoverable = recoverable;
        d->fn(d->arg);
    }
    g_self()->recoverable = f.recoverable;
    catch_pop(&f);
}

void defer_run(Defer *d) {
    if (!d->armed) return; // ran during a panic
    G *g = g_self();
    if (unlikely(g->defers != d)) rt_throw("deferred calls are not nested (a scope was left by a jump)");
    defer_run_one(d, NULL);
    RT_DOOR();
}

void catch_link(CatchFrame *f);
void catch_link(CatchFrame *f) {
    G *g = g_self();
    f->link = g->catches;
    f->defers = g->defers;
    f->panic = g->panic;
    f->recoverable = g->recoverable;
    f->go_defers = g->go_defers;
    f->go_panics = g->go_panics;
    g->catches = f;
}

void catch_pop(CatchFrame *f) {
    G *g = g_self();
    if (g->catches == f) g->catches = f->link;
}

// ---- recovered: continue in the catch frame

static void resume_on_system_stack(void *arg) {
    CatchFrame *f = arg;
    G *g = g_self();
    stack_reset_to(g, f->regs[6]);
    catch_resume(f, g->guard);
}

_Noreturn void catch_continue(CatchFrame *f) {
    g_self()->catches = f;
    sys_leave(resume_on_system_stack, f);
}

_Noreturn void panic_end_quietly(void) {
    G *g = g_self();
    if (g->id == 1) program_exit(0); // main's function has "returned"
    g_end();
}

// A deferred call of the scope that f encloses (NULL: none does) recovered the innermost panic under way.
static _Noreturn void recovered(G *g, CatchFrame *f) {
    Panic *outside = f ? f->panic : NULL;
    bool leaving = false; // a goexit between here and f goes on, as in Go
    for (const Panic *p = g->panic; p && p != outside; p = p->link)
        leaving |= p->goexit;
    g->panic = outside;
    g->recoverable = f ? f->recoverable : NULL;
    if (leaving) goexit();
    Defer *outer = f ? f->defers : NULL;
    while (g->defers != outer)
        defer_run_one(g->defers, NULL);
    if (!f) panic_end_quietly();
    catch_continue(f);
}

// ---- panic

static void print_value(Any v) {
    const char *text = text_of(v);
    if (v.type == &type_error || v.type == &type_text) rt_printf("%s", text);
    else if (!v.type) rt_printf("nil");
    else {
        const String *name = v.type->string;
        uint64_t w = 0;
        int kind = v.type->kind & KIND_MASK;
        if (kind >= KIND_INT && kind <= KIND_UINTPTR && v.data) {
            memcpy(&w, v.data, v.type->size <= 8 ? v.type->size : 8);
            if (kind <= KIND_INT64) { // sign-extend
                int shift = 64 - 8 * (int)v.type->size;
                rt_printf("%ld", (long)(w << shift) >> shift);
            } else rt_printf("%lu", w);
        } else rt_printf("(%s) %p", name ? name->p : "?", v.data);
    }
}

// Oldest first, the later ones indented, as Go does.
static void print_chain(const Panic *last) {
    int n = 0;
    for (const Panic *p = last; p; p = p->link)
        n++;
    for (int i = n; i-- > 0;) {
        const Panic *p = last;
        for (int k = 0; k < i; k++)
            p = p->link;
        if (p->goexit) continue;
        if (i != n - 1) rt_printf("\t");
        rt_printf("panic: ");
        print_value(p->value);
        if (p->recovered) rt_printf(" [recovered]");
        rt_printf("\n");
    }
}

static void die_of_panic(void *arg) {
    report_begin();
    print_chain(arg);
    const Panic *p = arg; // the newest fault among them, as in Go
    while (p->link && !p->fault.pc)
        p = p->link;
    fault_print(&p->fault);
    rt_printf("\n");
    traceback_self();
    report_end(2);
}

// Room for the deferred calls' own frames of the runtime: panics are raised where little of the stack may be left.
#define PANIC_ROOM 1024

static void run_defers(void *panic) {
    Panic *pn = panic;
    G *g = g_self();
    for (Defer *d; (d = g->defers);) {
        defer_run_one(d, pn->goexit ? NULL : pn);
        if (pn->recovered) recovered(g, d->catcher);
    }
    if (!pn->goexit) sys_call(die_of_panic, pn);
}

// A frame of its own: a program with Go code has no use for it, and little stack.
static _Noreturn __attribute__((noinline)) void raise_in_c(Any v) {
    G *g = g_self();
    Panic pn = {.link = g->panic, .value = v, .fault = fault_take(g)};
    g->panic = &pn;
    call_with_stack(PANIC_ROOM, run_defers, &pn);
    __builtin_unreachable();
}

void panic_any(Any v) {
    if (rt_go_panic) rt_go_panic(v);
    raise_in_c(v);
}

// In a program with Go code, what the runtime raises are values of Go's own error types, and Go's deferred calls run.
void rt_go_raise(const char *text, bool runtime_error) __attribute__((weak));
void rt_go_fault(void) __attribute__((weak));

void panic(const char *text) {
    if (rt_go_panic_text) rt_go_panic_text(text);
    panic_any((Any){&type_text, (void *)text});
}
void panic_plain(const char *text) {
    if (rt_go_raise) rt_go_raise(text, false);
    panic(text);
}
void panic_runtime(const char *text) {
    if (rt_go_raise) rt_go_raise(text, true);
    panic_any((Any){&type_error, (void *)text});
}

Any recover(void) {
    Panic *p = g_self()->recoverable;
    if (!p || p->recovered) return (Any){NULL, NULL};
    p->recovered = true;
    return p->value;
}

void goexit(void) {
    if (rt_go_goexit) rt_go_goexit();
    G *g = g_self();
    Panic pn = {.link = g->panic, .goexit = true};
    g->panic = &pn;
    call_with_stack(PANIC_ROOM, run_defers, &pn);
    if (g->id == 1) {
        store_seq(&sched.main_exited, 1);
        if (!g->system) hint_store(&p_self()->n_exited, p_self()->n_exited + 1);
        g->system = true;
        g_park(WAIT_PARK, NULL);
    }
    g_end();
}

// ---- faults

static const char *fault_signal(FaultKind kind) {
    switch (kind) {
    case FAULT_DIVIDE: return "SIGFPE: integer divide by zero";
    case FAULT_FPE: return "SIGFPE: floating-point error";
    case FAULT_NIL:
    case FAULT_ACCESS: return "SIGSEGV: segmentation violation";
    default: return "SIGILL";
    }
}

void fault_print(const Fault *f) {
    if (f->pc) rt_printf("[signal %s code=0x1 addr=%p pc=%p]\n", fault_signal((FaultKind)f->kind), (void *)f->addr, (void *)f->pc);
}

static const char *fault_text(FaultKind kind) {
    switch (kind) {
    case FAULT_DIVIDE: return "runtime error: integer divide by zero";
    case FAULT_FPE: return "runtime error: floating point error";
    default: return "runtime error: invalid memory address or nil pointer dereference";
    }
}

void nil_panic(void) { panic_runtime(fault_text(FAULT_ACCESS)); }

// Entered as if called by the faulting instruction. In a section of its own, by which walks know it (traceback.c).
static _Noreturn __attribute__((section("rt_fault_entry"))) void panic_fault(void) {
    panic_any((Any){&type_error, (void *)fault_text((FaultKind)g_self()->fault.kind)});
}

extern const char __start_app_text[], __stop_app_text[];
extern const char __start_rt_leaf_cells[], __stop_rt_leaf_cells[]; // rt/cell.c, by ld
extern const char __start_rt_leaf[] __attribute__((weak)), __start_rt_framed[] __attribute__((weak)), __stop_rt_leaf[] __attribute__((weak));

// Leaf routines hold nothing, so a fault in one is its caller's. kernel/string.c (memcpy and its like) uses no stack: the return address is
// on top; rt/str.c (mem_copy and its like), which calls it, has its frame. boot/image.ld gathers both; tests/metal/t_leaf.c notices a leaf
// that pushes. Hosted there are none: memcpy is libc's, and a fault in it ends in a crash report.
// Interrupt context.
bool rt_fault(TrapFrame *tf, FaultKind kind, uintptr_t addr) {
    P *p = p_self();
    G *g = p->g;
    if (!g || kind == FAULT_OTHER) return false;
    uintptr_t pc = tf->rip, sp = tf->rsp;
    const StackSeg *s = g->seg;
    uintptr_t lo = s->base, hi = (uintptr_t)s;
    uintptr_t fp = tf->rbp;
    bool leaf = (pc >= (uintptr_t)__start_rt_leaf && pc < (uintptr_t)__start_rt_framed) ||
                (pc >= (uintptr_t)__start_rt_leaf_cells && pc < (uintptr_t)__stop_rt_leaf_cells);
    if (leaf && sp >= lo && sp + 8 <= hi) {
        pc = *(uintptr_t *)sp;
        sp += 8;
    }
    while (pc >= (uintptr_t)__start_rt_framed && pc < (uintptr_t)__stop_rt_leaf && pc != tf->rip) {
        if (fp < lo || fp + 16 > hi || (fp & 7)) return false;
        pc = ((uintptr_t *)fp)[1];
        sp = fp + 16;
        fp = ((uintptr_t *)fp)[0];
    }
    if (pc < 4096 && sp >= lo && sp + 8 <= hi) { // a call through a nil function pointer: the caller's fault
        pc = *(uintptr_t *)sp;
        sp += 8;
    }
    if (pc < (uintptr_t)__start_app_text || pc >= (uintptr_t)__stop_app_text) return false;
    if (sp < lo + 384 || sp > hi) return false;
    if (kind == FAULT_ACCESS && !g->panic_on_fault) return false; // a wild pointer is not Go's nil: report it
    uintptr_t was = sp;
    sp = ((sp - 128) & ~(uintptr_t)15) - 24;
    ((uintptr_t *)sp)[0] = pc;
    ((uintptr_t *)sp)[1] = was;           // for rt/go/unwind.c, which does not follow frame pointers
    ((uintptr_t *)sp)[2] = pc != tf->rip; // pc is a return address: for both walks
    g->fault = (Fault){pc, addr, (uint8_t)kind};
    tf->rsp = sp;
    tf->rip = rt_go_fault ? (uintptr_t)rt_go_fault : (uintptr_t)panic_fault;
    tf->rbp = fp;
    tf->rflags &= ~(uint64_t)0x400;
    return true;
}

void stack_overflow(G *g, size_t more) {
    report_begin();
    rt_printf("runtime: goroutine stack exceeds %lu-byte limit\n", sched.max_stack);
    rt_printf("runtime: goroutine %lu has %lu bytes of stack and needs %lu more\n", g->id, g->stack_bytes, more);
    rt_printf("fatal error: stack overflow\n\n");
    traceback_self();
    report_end(fatal_status("stack overflow"));
}
