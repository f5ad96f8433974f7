// rt.h -- what rt offers to the machine below it (kernel/, tests/host/).
//
// Interrupt-context entries take no rt lock, allocate nothing and use general registers only: they set request bits, push on
// lock-free inboxes, and at most rewrite the interrupted frame so that the core enters the scheduler.
#pragma once
#include "plat.h"

typedef struct P P;
typedef struct G G;

// ---- start, in this order
// 1. %gs of the boot core := rt_boot_p() (P 0, static memory), %fs := rt_p_tcb(p) (metal only).
P *rt_boot_p(void);
void *rt_p_tcb(P *p);
// 2. Hands physical memory to the page allocator (page.h): called once per usable range, page-aligned [lo, hi) as directly
//    mapped addresses; node is the NUMA node or 0. Metadata is taken from the range itself. False: too small, or one too many;
//    left out.
enum { RT_MEM_RANGES_MAX = 64 };
bool rt_mem_add(uintptr_t lo, uintptr_t hi, int node);
// 3. P for core `cpu` >= 1; NULL: no memory. The machine sets %gs, %fs and p->sys_lo/sys_sp (rt_p_set_stack) for each.
P *rt_p_new(int cpu);
void rt_p_set_stack(P *p, uintptr_t lo, uintptr_t hi, void *cpu_private);
void *rt_p_cpu(P *p); // cpu_private
// Memory for this P comes from NUMA node `node` while it has some; -1, and without a call: no preference. Before the P runs.
void rt_p_set_node(P *p, int node);
int rt_p_node(const P *p); // 0: unknown
// 4. On the boot core's system stack, interrupts on: starts the other cores, runs main as goroutine 1. Knobs and program
//    arguments come from rt_cmdline. Ends in plat_exit with main's value.
_Noreturn void rt_main(void);

// Splits one command line (design: known NAME=value words before the first other word are knobs; the rest, or all after
// "--", are the program's arguments; "..." quotes a word, backslash escapes). argv[0] is `name`. Unknown knobs and malformed values are
// reported on the console by name. False: a value is malformed or a knob unknown; boot ends with status 2.
bool rt_cmdline(const char *name, const char *line);

// ---- interrupts of this core; true: *tf was redirected into the scheduler (the caller just returns from the interrupt).
// EOI is sent by the caller before or after.
bool rt_irq_tick(TrapFrame *tf); // the timer armed by plat_timer_arm has fired
bool rt_irq_ipi(TrapFrame *tf);  // plat_ipi or plat_wake
bool rt_irq_step(TrapFrame *tf); // #DB single step (GODEBUG=trapstep=k)
// A synchronous fault. True: it became a Go panic in the interrupted goroutine, *tf was redirected. False: the caller reports and ends.
typedef enum { FAULT_NIL, FAULT_ACCESS, FAULT_DIVIDE, FAULT_FPE, FAULT_OTHER } FaultKind;
bool rt_fault(TrapFrame *tf, FaultKind kind, uintptr_t addr);

// ---- reports; any context, print by plat_write, take no lock
// "what each core runs, held locks, last goroutines": used by the kernel's panic report and by NMI.
void rt_report(void);
// Around a report of the machine's own that ends the program: what is traced and profiled ends with the first; the second, when all is said, writes it out (it looks at
// goroutines and tables of the program: a fault is the end). This core alone.
void rt_report_begins(void);
void rt_report_is_over(void);
// Name and line of pc: fills name ("chan_send"), file, line (0: unknown), offset. False: unknown.
typedef struct { const char *name, *file; unsigned line; uintptr_t offset; } RtSymbol;
bool rt_symbolize(uintptr_t pc, RtSymbol *out);
// The same, where the compiler has put functions of Go into their callers: level 0 is the innermost of them, the others are the functions around it, with the lines of
// their calls; the last one is the function that name and offset of rt_symbolize mean. False: unknown, or there are fewer.
bool rt_symbolize_level(uintptr_t pc, unsigned level, RtSymbol *out);
// A function that returns to pc: its caller's frame pointer rbp has the return address of *that* function in word 1, [rbp + 8], or,
// across two stack segments, in word 2. Any context.
unsigned rt_return_word(uintptr_t pc);
// Commit and changes that the image was built from, out of the symbol table; "" when unknown. Any context.
const char *rt_build_id(void);
// Fatal error in the runtime or kernel itself: prints "fatal error: msg", the report, exits with status 2. Constant text.
_Noreturn void rt_throw(const char *msg);
// printf subset without allocation, straight to plat_write: %d %u %x %p %s %c %ld %lu %lx %%, width and 0 flag. Any context.
void rt_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// ---- devices: make a goroutine runnable from interrupt context
void rt_irq_ready(G *g);
