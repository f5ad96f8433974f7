// plat_fault.c -- the report of a fault in the runtime or in the platform itself.
//
// Runs on the signal stack of the core that failed, once per process: cause, registers, stack by frame
// pointers, rt's report. Memory is read through the kernel (process_vm_readv), so a broken frame chain ends
// the walk and not the report.
#include "host.h"
#include "rt/report.h"
#include "syscall.h"
#include <string.h>
#include <sys/uio.h>

#define FRAMES_MAX  64      // different ones
#define REPEATS_MAX 1000000 // of one: 1 GB of stack may lie below

static const char *signal_text(int sig) {
    switch (sig) {
    case SIGSEGV:
        return "SIGSEGV: bad memory access";
    case SIGBUS:
        return "SIGBUS: bad memory access";
    case SIGFPE:
        return "SIGFPE: arithmetic fault";
    case SIGILL:
        return "SIGILL: invalid instruction";
    case SIGTRAP:
        return "SIGTRAP: breakpoint";
    default:
        return "unknown signal";
    }
}

static bool read_words(uintptr_t addr, uintptr_t *out, size_t n) {
    struct iovec to = {out, n * sizeof *out}, from = {(void *)addr, n * sizeof *out};
    long pid = linux_call3(SYS_getpid, 0, 0, 0);
    return linux_call6(SYS_process_vm_readv, pid, (long)&to, 1, (long)&from, 1, 0) == (long)(n * sizeof *out);
}

static void print_pc(uintptr_t pc) {
    RtSymbol s;
    if (rt_symbolize(pc, &s))
        rt_printf("  %p %s+0x%lx %s:%u\n", (void *)pc, s.name, s.offset, s.file ? s.file : "?", s.line);
    else
        rt_printf("  %p\n", (void *)pc);
}

static void print_stack(uintptr_t pc, uintptr_t rbp) {
    rt_printf("stack:\n");
    print_pc(pc);
    unsigned repeated = 0; // deep recursion: the same return address again and again
    uintptr_t last = 0;
    for (int i = 0; i < FRAMES_MAX && rbp; i += repeated == 0) {
        uintptr_t frame[2]; // caller's rbp, return address
        if (!read_words(rbp, frame, 2) || frame[1] == 0) break;
        repeated = frame[1] == last ? repeated + 1 : 0;
        if (repeated == 0)
            print_pc(frame[1] - 1); // within the call
        else if (repeated == 1)
            rt_printf("  ... and again from there\n");
        if (repeated > REPEATS_MAX) break;
        last = frame[1];
        rbp = frame[0];
    }
}

static void print_registers(const TrapFrame *t) {
    rt_printf("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", t->rax, t->rbx, t->rcx, t->rdx);
    rt_printf("rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n", t->rsi, t->rdi, t->rbp, t->rsp);
    rt_printf("r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", t->r8, t->r9, t->r10, t->r11);
    rt_printf("r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", t->r12, t->r13, t->r14, t->r15);
    rt_printf("rip %016lx rflags %lx error %lx\n", t->rip, t->rflags, t->error);
}

void host_dump(const TrapFrame *tf) {
    HostCore *self = host_self();
    report_begin();
    rt_printf("SIGQUIT\n");
    for (int cpu = 0; cpu < host_cpu_count; cpu++) {
        HostCore *h = &host_cores[cpu];
        const TrapFrame *at = h == self ? tf : h->interrupted; // frozen in rt_irq_ipi, or not at all
        rt_printf("core %d: ", cpu);
        if (at)
            print_stack(at->rip, at->rbp);
        else
            rt_printf("does not answer\n");
    }
    rt_report();
    traceback_all(true);
    rt_report_is_over();
    plat_exit(2);
}

void host_crash(const TrapFrame *tf, int sig, int code, uintptr_t addr) {
    HostCore *h = host_self();
    report_begin(); // a fault inside of a report ends the process here
    rt_printf("\nfatal error: %s, address %p, code %d, core %d\n", signal_text(sig), (void *)addr, code,
              h->cpu);
    char guard[40];
    if (host_guard_name(addr, guard, sizeof guard)) rt_printf("stack overflow: %s\n", guard);
    print_registers(tf);
    print_stack(tf->rip, tf->rbp);
    rt_report();
    rt_report_is_over();
    plat_exit(2);
}
