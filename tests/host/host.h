// host.h -- what the parts of the hosted platform share: one record per core, and the order of the start.
//
// The platform is rt/plat.h over one Linux process. A core is a thread; an interrupt is a signal; the
// interrupt stack is the thread's alternate signal stack; "interrupts off" is "our signals blocked". %gs is
// free in user space and holds the P, %fs:0x70 is the word that glibc leaves to split stacks: so rt and its
// assembly are the same as on the metal.
#pragma once
#include "rt/core.h"
#include <signal.h>
#include <sys/types.h>

#define SYSTEM_STACK_BYTES (256u << 10)
#define SIGNAL_STACK_BYTES (128u << 10)
#define SIGNAL_IPI         SIGURG // default action is to ignore it, as with Go's choice
#define SIGNAL_TICK        34     // the first real-time signal that glibc leaves to programs

typedef struct HostStack {
    uintptr_t lo, hi;
} HostStack; // usable bytes; the page below lo is a guard

typedef struct HostCore {
    int cpu;
    pid_t tid;
    int timer; // kernel's id of this thread's one-shot timer
    HostStack system, signal;
    // plat_cpu_start -> parking loop: fn is written before started (release/acquire)
    void (*fn)(int cpu);
    _Atomic uint32_t started;
    // own thread and its signal handlers only
    volatile int64_t timer_wanted, timer_set; // plat_time.c; TIME_NEVER: none
    volatile bool idling;     // between the checks of plat_idle and its sleep: a handler must break the sleep
    const uint8_t *fpu_frame; // vector state in the signal frame being handled; NULL: none
    const TrapFrame
        *interrupted;     // where the interrupt being handled came; reports read it on other cores, frozen
    uint32_t fault_depth; // faults being handled; 2: the report itself failed
} HostCore;

extern HostCore host_cores[PLAT_MAX_CPUS];
extern int host_cpu_count;

static inline HostCore *host_self(void) {
    return plat_self()->cpu;
}

// ---- start; all of it on the process's first stack
void host_console_init(void);
void host_time_init(void);
void host_fpu_init(void);
void host_memory_init(void); // BURROW_MEM -> rt_mem_add
void host_blobs_init(void);
void host_signals_init(
    void); // handlers; our signals are blocked from here on in this thread and those it creates
void host_cores_init(void);   // BURROW_CPUS -> host_cpu_count
void host_cores_create(void); // a P and a thread for each further core
// Gives the calling thread the identity of core h: %gs, signal stack, timer.
void host_core_attach(HostCore *h, P *p);
// Leaves the calling stack for good: unblocks our signals and runs fn(cpu) on the core's system stack.
_Noreturn void host_core_enter(HostCore *h, void (*fn)(int cpu));
void host_timer_create(HostCore *h);
// The timer's signal has come. True: so has the deadline; false: it was early, and the timer is set anew.
bool host_timer_due(HostCore *h);
void host_signals_unblock(void);

// ---- services
_Noreturn void host_die(const char *what, const char *detail); // "burrow: what: detail", status 2
_Noreturn void host_die_errno(const char *what, int error);
void *host_map(size_t bytes);           // zeroed memory; NULL: none
HostStack host_stack_new(size_t bytes); // with a guard page; dies without memory
// Name of the guard page that addr lies in ("system stack of core 2"), written to buf; false: none.
bool host_guard_name(uintptr_t addr, char *buf, size_t bytes);

// ---- plat_fault.c: a fault that is not the application's. Prints the report, ends with status 2.
// SIGQUIT: what each core runs, all goroutines; status 2.
_Noreturn void host_dump(const TrapFrame *tf);
_Noreturn void host_crash(const TrapFrame *tf, int sig, int code, uintptr_t addr);
