// report.h -- ending with a report: fatal errors, goroutine dumps.
#pragma once
#include "core.h"

// Only the first core that gets here reports; the others are frozen. Any context but interrupts of a frozen core.
void report_begin(void);
_Noreturn void report_end(int status);
int fatal_status(const char *message); // 2, or what the program expects (fatal_expect)
bool report_frozen(void);          // preempt.c: an IPI during a report does not return
_Noreturn void report_wait_frozen(void); // interrupt context: stay here until the machine ends
// "goroutine N [running]:" and the stack of the current goroutine, as Go prints it.
void traceback_self(void);
const char *wait_reason_text(unsigned reason); // as Go prints it
void traceback_one(G *g); // dump of a goroutine that does not run

// Until report_release what this core reports fills out[0..room) instead of being shown, and the rest is dropped. System stack, so that
// the core stays the same.
typedef struct ReportCapture {
    char *out;
    size_t n, room;
} ReportCapture;
void report_capture(ReportCapture *c);
void report_release(void);

// A walk from a function to its callers, by frame pointers; exact: by unwind tables, which need the values of more registers (a program with Go code
// has them: rt/go/unwind.c).
typedef struct StackWalk {
    uintptr_t pc, fp;
    bool is_call;  // pc is a return address
    bool entering; // pc is where __morestack will enter a body; fp is still __morestack's
    bool exact;
    uintptr_t sp, saved[6]; // exact: stack pointer; rbx rbp r12 r13 r14 r15
} StackWalk;
static inline StackWalk walk_from(const TrapFrame *t) {
    return (StackWalk){.pc = t->rip, .fp = t->rbp, .exact = true, .sp = t->rsp, .saved = {t->rbx, t->rbp, t->r12, t->r13, t->r14, t->r15}};
}
// Where a goroutine that does not run is. False: nobody can say just now.
bool traceback_start(const G *g, StackWalk *w);
// Up to max code addresses from w on, innermost first; of callers an address inside the call. g NULL: on a system stack. Any context.
unsigned traceback_pcs(const G *g, StackWalk w, uintptr_t *pc, unsigned max);
unsigned traceback_here(uintptr_t *pc, unsigned max); // from the caller of this on
bool traceback_by_frames(void);                       // stacks are walked by frame pointers: no Go in the program
bool traceback_readable(const G *g, uintptr_t at); // two words at `at` may be read
bool rt_go_walk_up(const G *g, StackWalk *w);
// The name of a function as the language's own tools print it; NULL: not to be shown (the compiler's wrappers). buf: room for it.
const char *rt_go_name(const char *symbol, char *buf, size_t room);
// symbol is the body of a function that recovers: its caller is the same function's wrapper.
bool rt_go_is_body(const char *symbol);
