// traceback.c -- goroutine dumps in Go's format, by frame pointers.
//
// All of our C is compiled with frame pointers, __morestack keeps the chain across segments, sys_call across stacks; so a chain of
// [rbp] -> caller's rbp, [rbp+8] -> return address leads from any point to the goroutine's first frame (rbp = 0). Every link is
// checked to lie in a segment of that goroutine (or on a system stack) before it is read. No locks, no allocation: any context.
#include "sched.h"
#include "report.h"
#include "runq.h"

extern const char __start_app_text[], __stop_app_text[];

static const char *const reasons[] = {
    [WAIT_NONE] = "waiting",
    [WAIT_CHAN_SEND] = "chan send",
    [WAIT_CHAN_RECV] = "chan receive",
    [WAIT_CHAN_SEND_NIL] = "chan send (nil chan)",
    [WAIT_CHAN_RECV_NIL] = "chan receive (nil chan)",
    [WAIT_SELECT] = "select",
    [WAIT_SELECT_NONE] = "select (no cases)",
    [WAIT_SLEEP] = "sleep",
    [WAIT_SEMA] = "semacquire",
    [WAIT_SEMA_MUTEX] = "semacquire", // of Go's sync.Mutex and RWMutex
    [WAIT_MUTEX] = "sync.Mutex.Lock",
    [WAIT_RWMUTEX_R] = "sync.RWMutex.RLock",
    [WAIT_RWMUTEX_W] = "sync.RWMutex.Lock",
    [WAIT_COND] = "sync.Cond.Wait",
    [WAIT_WAITGROUP] = "sync.WaitGroup.Wait",
    [WAIT_CONSOLE] = "console output",
    [WAIT_STW] = "stop the world",
    [WAIT_PARK] = "parked",
    [WAIT_IO] = "IO wait",
    [WAIT_GC_ASSIST] = "GC assist wait",
    [WAIT_GC_CYCLE] = "wait for GC cycle",
    [WAIT_GC_COORDINATOR] = "GC coordinator (idle)",
    [WAIT_FINALIZER] = "finalizer wait",
    [WAIT_INPUT] = "console input",
};

const char *wait_reason_text(unsigned reason) { return reason < sizeof reasons / sizeof *reasons && reasons[reason] ? reasons[reason] : "?"; }

static const char *state_text(const G *g) {
    switch (load_relaxed(&g->state)) {
    case G_RUNNABLE: return "runnable";
    case G_RUNNING: return "running";
    case G_WAITING: return wait_reason_text(g->wait_reason);
    default: return "dead";
    }
}

// A return address behind the program's last call, which does not return, may lie behind its code.
static bool in_app(const StackWalk *w) {
    uintptr_t pc = w->pc - (w->is_call ? 1 : 0);
    return pc >= (uintptr_t)__start_app_text && pc < (uintptr_t)__stop_app_text;
}

// May the two words at fp be read?
static bool readable_frame(const G *g, uintptr_t fp) {
    if (fp & 7) return false;
    for (const StackSeg *s = g ? g->seg : NULL; s; s = s->older)
        if (fp >= s->base && fp + 16 <= (uintptr_t)(s + 1)) return true;
    if (g && g->seg && g->seg->newer) { // between a recover and its reset
        const StackSeg *s = g->seg->newer;
        if (fp >= s->base && fp + 16 <= (uintptr_t)(s + 1)) return true;
    }
    for (int i = 0; i < sched.ncpu; i++)
        if (fp >= rt_ps[i]->sys_lo && fp + 16 <= rt_ps[i]->sys_sp) return true;
    return false;
}

extern const char __morestack[], __morestack_end[];
extern const char __start_rt_fault_entry[] __attribute__((weak)), __stop_rt_fault_entry[] __attribute__((weak)); // panic_fault, by ld
extern const char morestack_body_returns[] __asm__("__morestack.body_returns");

unsigned rt_return_word(uintptr_t pc) {
    return pc == (uintptr_t)morestack_body_returns ? 2 : 1;
}

// A step from a function to its caller. Where __morestack stands between the two, its frame has the caller's rbp, where
// the function's body began, and the function's return address. The body, if it runs, was one step before.
typedef StackWalk Walk;
// In programs with Go code.
extern __typeof__(rt_go_walk_up) rt_go_walk_up __attribute__((weak));
extern __typeof__(rt_go_name) rt_go_name __attribute__((weak));
extern __typeof__(rt_go_is_body) rt_go_is_body __attribute__((weak));

static bool walk_up(const G *g, Walk *w) {
    if (rt_go_walk_up && w->exact) return rt_go_walk_up(g, w);
    if (!w->fp || !readable_frame(g, w->fp)) return false;
    const uintptr_t *f = (const uintptr_t *)w->fp;
    bool in_morestack = w->pc >= (uintptr_t)__morestack && w->pc < (uintptr_t)__morestack_end;
    w->is_call = true;
    if (in_morestack && w->pc != (uintptr_t)morestack_body_returns) {
        w->entering = true;
        w->pc = f[1];
        return true;
    }
    uintptr_t at = w->pc - 1; // its last instruction is a call that does not return
    bool fault = at >= (uintptr_t)__start_rt_fault_entry && at < (uintptr_t)__stop_rt_fault_entry;
    if (fault && readable_frame(g, w->fp + 16)) w->is_call = f[3]; // panic.c, rt_fault: the faulting instruction itself, as a rule
    w->pc = f[w->entering ? 2 : rt_return_word(w->pc)];
    w->entering = false;
    if (f[0] == w->fp) return false;
    w->fp = f[0];
    return w->pc != 0;
}

// *body: the frame before was the body of a function whose wrapper this is.
static void print_frame(uintptr_t pc, bool is_call, bool *body) {
    RtSymbol s;
    // A return address may already belong to the next line or function: look up the call.
    unsigned level = 0;
    for (; rt_symbolize_level(pc - (is_call ? 1 : 0), level, &s); level++) {
        char buf[160];
        const char *name = rt_go_name ? rt_go_name(s.name, buf, sizeof buf) : s.name;
        bool wrapper = *body;
        *body = rt_go_is_body && rt_go_is_body(s.name);
        if (name && !wrapper) rt_printf("%s(...)\n\t%s:%u +0x%lx\n", name, s.file ? s.file : "?", s.line, (unsigned long)s.offset + (is_call ? 1 : 0));
    }
    if (level > 0) return;
    *body = false;
    rt_printf("?(...)\n\t%p\n", (void *)pc);
}

static bool stack_has_app(const G *g, Walk w) {
    for (int depth = 0; w.pc && depth < 1000; depth++) {
        if (in_app(&w)) return true;
        if (!walk_up(g, &w)) return false;
    }
    return false;
}

// Goroutines show the application's frames, as Go hides its runtime's; all frames if there are none of the application.
static void print_stack(const G *g, Walk w) {
    bool has_app = stack_has_app(g, w);
    int printed = 0, skipped = 0;
    bool body = false;
    for (int depth = 0; w.pc && depth < 100000; depth++) {
        if (in_app(&w) || !has_app) {
            if (printed < 50) print_frame(w.pc, w.is_call, &body);
            else skipped++;
            printed++;
        }
        if (!walk_up(g, &w)) break;
    }
    if (skipped) rt_printf("...additional frames elided...\n");
    if (g->created_by_pc && g->id != 1) {
        RtSymbol s;
        char buf[160];
        const char *name = NULL;
        if (rt_symbolize_level(g->created_by_pc - 1, 0, &s)) name = rt_go_name ? rt_go_name(s.name, buf, sizeof buf) : s.name;
        if (name)
            rt_printf("created by %s in goroutine %lu\n\t%s:%u +0x%lx\n", name, g->created_by_id, s.file ? s.file : "?", s.line,
                      (unsigned long)s.offset + 1);
    }
}

static void print_goroutine(const G *g, Walk w) {
    const char *locked = g->pin_depth ? ", locked to thread" : "";
    rt_printf("goroutine %lu [%s%s]:\n", g->id, state_text(g), locked);
    print_stack(g, w);
    rt_printf("\n");
}

bool traceback_start(const G *g, StackWalk *w) {
    const Ctx *c = g->ctx;
    if (c) {
        *w = walk_from(&c->tf);
        return true;
    }
    const uintptr_t *sp = (const uintptr_t *)g->sp; // r15 r14 r13 r12 rbx rbp ret
    if (!readable_frame(g, g->sp)) return false;
    if (sp[6] == (uintptr_t)g_start) *w = (Walk){.pc = g->entry_pc}; // not yet run
    else *w = (Walk){.pc = sp[6], .fp = sp[5], .is_call = true, .exact = true, .sp = g->sp + 56, .saved = {sp[4], sp[5], sp[3], sp[2], sp[1], sp[0]}};
    return true;
}

unsigned traceback_pcs(const G *g, StackWalk w, uintptr_t *pc, unsigned max) {
    unsigned n = 0;
    while (w.pc && n < max) {
        pc[n++] = w.pc - (w.is_call ? 1 : 0);
        if (!walk_up(g, &w)) break;
    }
    return n;
}

static inline __attribute__((always_inline)) Walk walk_here(void) {
    Walk w = {.exact = true};
    __asm__ volatile("movq %%rbx, 0(%1)\n\tmovq %%rbp, 8(%1)\n\tmovq %%r12, 16(%1)\n\tmovq %%r13, 24(%1)\n\tmovq %%r14, 32(%1)\n\t"
                     "movq %%r15, 40(%1)\n\tleaq 0(%%rip), %0"
                     : "=&r"(w.pc)
                     : "r"(w.saved)
                     : "memory");
    __asm__ volatile("movq %%rsp, %0" : "=r"(w.sp));
    w.fp = w.saved[1];
    return w;
}

unsigned traceback_here(uintptr_t *pc, unsigned max) { return traceback_pcs(p_self()->g, walk_here(), pc, max); }

bool traceback_by_frames(void) { return !rt_go_walk_up; }
bool traceback_readable(const G *g, uintptr_t at) { return readable_frame(g, at); }

void traceback_self(void) {
    const G *g = p_self()->g;
    if (g) print_goroutine(g, walk_here());
}

static void dump_one(G *g, void *arg) {
    uint32_t state = load_relaxed(&g->state);
    if (state == G_DEAD || state == G_IDLE || g->system || g == p_self()->g) return;
    if (load_relaxed(&g->on_cpu)) {
        rt_printf("goroutine %lu [running]:\n\tgoroutine running on other core; stack unavailable\n\n", g->id);
        return;
    }
    Walk w;
    if (traceback_start(g, &w)) print_goroutine(g, w);
}

void traceback_one(G *g) { dump_one(g, NULL); }

// A console is slow: of a hundred thousand goroutines the first ones tell enough.
#define DUMP_MAX 1000

static void dump_some(G *g, void *arg) {
    int *dumped = arg; // shown, left out
    uint32_t state = load_relaxed(&g->state);
    if (state == G_DEAD || state == G_IDLE || g->system || g == p_self()->g) return;
    if (dumped[0] >= DUMP_MAX) {
        dumped[1]++;
        return;
    }
    dumped[0]++;
    dump_one(g, NULL);
}

void traceback_all(bool running_too) {
    if (running_too) rt_printf("\n");
    if (running_too && p_self()->g) traceback_self();
    int dumped[2] = {0, 0};
    g_for_each(dump_some, dumped);
    if (dumped[1]) rt_printf("...%d more goroutines\n", dumped[1]);
}

void rt_report(void) {
    for (int i = 0; i < sched.ncpu; i++) {
        const P *p = rt_ps[i];
        if (!p) continue;
        const G *g = p->g;
        rt_printf("core %d: %s", i, g ? "goroutine " : "scheduler");
        if (g) rt_printf("%lu", g->id);
        rt_printf(", requests 0x%x, queue %u, switches %u\n", load_relaxed(&p->request), runq_length(p), p->sched_tick);
        for (uint32_t k = 0; k < p->held_count && k < 8; k++)
            rt_printf("\tholds %s lock %p (rank %d)\n", lock_rank_names[p->held[k]->rank], (const void *)p->held[k],
                      p->held[k]->rank);
    }
    rt_printf("\n");
    traceback_all(false); // whoever reports has shown where it is itself
}
