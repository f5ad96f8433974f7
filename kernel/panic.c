// panic.c -- the crash report: one text to cut out and send, on every console, then the end with status 2.
//
// The machine is broken, perhaps the very memory that the report wants to read. So: the other cores are
// stopped first (NMI, bounded wait), every word that a pointer names is looked up in the page tables before
// it is read, nothing is allocated and no lock is taken. If the report faults all the same, one line "report
// failed" is the end; if that fails too, a bare power_off.
//
// Who reports: panic_owner goes from 0 to core + 1 once and never back. The core that wins owns the consoles;
// one that loses the race stands still and leaves its registers for the report; the owner arriving again
// means that its report failed.
#include "kernel/panic.h"
#include "kernel/log.h"
#include "kernel/version.h"
#include "kernel/mem/layout.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/mcheck.h"
#include "rt/atomic.h"

enum { BACKTRACE_MAX = 40, STOP_SPINS = 20 * 1000 * 1000 };

static _Atomic uint32_t panic_owner; // core + 1
static _Atomic uint32_t failures;    // reports of the owner that failed

bool panic_in_progress(void) {
    return load_acquire(&panic_owner) != 0;
}

// ---- reading what may not be there

static bool read_word(uintptr_t addr, uint64_t *out) {
    bool device =
        addr >= MMIO_BASE && addr < MMIO_BASE + MMIO_BYTES; // reading a register may change the device
    if (addr % 8 || device || !paging_readable(addr)) return false;
    *out = *(const volatile uint64_t *)addr;
    return true;
}

static void print_pc(uintptr_t pc, bool is_return) {
    RtSymbol s;
    // A return address may be the first byte of the next function: look up the call instead.
    if (!rt_symbolize(is_return ? pc - 1 : pc, &s)) {
        rt_printf("0x%lx\n", (unsigned long)pc);
        return;
    }
    rt_printf("0x%lx %s+0x%lx", (unsigned long)pc, s.name, (unsigned long)(s.offset + is_return));
    if (s.file && s.line) rt_printf(" %s:%u", s.file, s.line);
    rt_printf("\n");
}

// Frame pointers: [rbp] is the caller's rbp, [rbp + 8] the return address. Stacks are segmented, so callers
// may lie at lower addresses.
static void print_backtrace(uint64_t pc, uint64_t rbp) {
    uint64_t next, ret;
    for (int i = 0; i < BACKTRACE_MAX; i++, rbp = next, pc = ret) {
        if (!rbp || !read_word(rbp, &next) || !read_word(rbp + 8 * rt_return_word(pc), &ret) || !ret) return;
        rt_printf("    ");
        print_pc(ret, true);
        if (next == rbp) return;
    }
    rt_printf("    ... more than %d frames\n", BACKTRACE_MAX);
}

void panic_print_frame(const TrapFrame *tf) {
    rt_printf("    ");
    print_pc(tf->rip, false);
    uint64_t ret;
    // Execution went astray (nil call, data executed): the call that led there is on top of the stack,
    // without a frame of its own.
    if (!paging_readable(tf->rip) || (tf->vector == 14 && tf->error & 16)) {
        if (read_word(tf->rsp, &ret)) {
            rt_printf("    ");
            print_pc(ret, true);
        }
    }
    print_backtrace(tf->rip, tf->rbp);
}

// ---- the parts of the report

static const char *vector_name(uint64_t vector) {
    static const char *const names[] = {"divide error",
                                        "debug trap",
                                        "non-maskable interrupt",
                                        "breakpoint",
                                        "overflow",
                                        "bound range",
                                        "invalid opcode",
                                        "no floating point unit",
                                        "double fault",
                                        "coprocessor overrun",
                                        "invalid TSS",
                                        "segment not present",
                                        "stack fault",
                                        "general protection fault",
                                        "page fault",
                                        "vector 15",
                                        "x87 floating point error",
                                        "alignment check",
                                        "machine check",
                                        "SIMD floating point error",
                                        "virtualization exception",
                                        "control protection fault"};
    return vector < sizeof names / sizeof *names ? names[vector] : "unexpected exception";
}

static void print_cause(const TrapFrame *tf, const char *cause) {
    if (!tf) {
        rt_printf("cause: %s\n", cause);
        return;
    }
    rt_printf("cause: %s%s%s\n", vector_name(tf->vector), cause ? ": " : "", cause ? cause : "");
    rt_printf("vector %lu, error 0x%lx", tf->vector, tf->error);
    if (tf->vector == 14) {
        const uint64_t e = tf->error;
        rt_printf(" (%s, page %s%s)",
                  e & 16  ? "execute"
                  : e & 2 ? "write"
                          : "read",
                  e & 1 ? "present" : "not present", e & 8 ? ", reserved bit set" : "");
    }
    rt_printf(", cr2=0x%lx\n", cpu_read_cr2());
    if (tf->vector == 18) mcheck_print();
}

static void print_registers(const TrapFrame *tf) {
    const struct {
        const char *name;
        uint64_t v;
    } r[] = {{"rax", tf->rax}, {"rbx", tf->rbx}, {"rcx", tf->rcx},   {"rdx", tf->rdx}, {"rsi", tf->rsi},
             {"rdi", tf->rdi}, {"rbp", tf->rbp}, {"rsp", tf->rsp},   {"r8 ", tf->r8},  {"r9 ", tf->r9},
             {"r10", tf->r10}, {"r11", tf->r11}, {"r12", tf->r12},   {"r13", tf->r13}, {"r14", tf->r14},
             {"r15", tf->r15}, {"rip", tf->rip}, {"flg", tf->rflags}};
    for (unsigned i = 0; i < sizeof r / sizeof *r; i++)
        rt_printf("%s%s=%016lx%s", i % 4 ? " " : "    ", r[i].name, r[i].v, i % 4 == 3 ? "\n" : "");
    rt_printf(" cr3=%016lx cr4=%016lx\n", cpu_read_cr3(), cpu_read_cr4());
}

static void print_other_cores(const Cpu *self) {
    for (int i = 0; i < cpus_up; i++) {
        const Cpu *c = cpus[i];
        if (!c || c == self || !load_relaxed(&c->online)) continue;
        if (!load_acquire(&c->stopped)) { // pairs with the release in panic_stop_here
            rt_printf("core %d: does not answer\n", i);
            continue;
        }
        rt_printf("core %d:\n", i);
        panic_print_frame(&c->stop_frame);
    }
}

static void stop_other_cores(const Cpu *self) {
    for (int i = 0; i < cpus_up; i++)
        if (cpus[i] && cpus[i] != self && load_relaxed(&cpus[i]->online)) apic_nmi(cpus[i]->apic_id);
    for (int i = 0, spins = 0; i < cpus_up; i++) {
        if (!cpus[i] || cpus[i] == self || !load_relaxed(&cpus[i]->online)) continue;
        while (!load_acquire(&cpus[i]->stopped) && spins < STOP_SPINS)
            spins++, cpu_pause();
    }
}

// ---- the doors

_Noreturn void panic_stop_here(const TrapFrame *tf) {
    Cpu *cpu = cpu_self();
    if (tf) cpu->stop_frame = *tf;
    store_release(&cpu->stopped, 1); // pairs with the acquire in print_other_cores
    for (;;) {
        cpu_cli();
        cpu_hlt();
    }
}

_Noreturn void panic_report_failed(const TrapFrame *tf) {
    uint32_t none = 0, me = (uint32_t)cpu_self()->id + 1;
    if (!cas(&panic_owner, &none, me) && none != me) panic_stop_here(tf);
    if (fetch_add(&failures, 1) == 0) {
        console_panic();
        rt_printf("\nreport failed: %s (vector %lu, error 0x%lx) at pc=0x%lx, cr2=0x%lx\n",
                  vector_name(tf->vector), tf->vector, tf->error, tf->rip, cpu_read_cr2());
    }
    power_off(2);
}

// The right to report. Returns once per machine.
static Cpu *panic_begin(const TrapFrame *tf) {
    cpu_cli();
    Cpu *cpu = cpu_self();
    uint32_t owner = 0, me = (uint32_t)cpu->id + 1;
    if (!cas(&panic_owner, &owner, me)) {
        if (owner != me) panic_stop_here(tf);
        if (tf) panic_report_failed(tf);
        power_off(2);
    }
    console_panic();
    return cpu;
}

// stack_core >= 0: the stack `cause` of that core has overflowed.
static _Noreturn void report(TrapFrame *tf, const char *cause, int stack_core) {
    Cpu *cpu = panic_begin(tf);
    rt_report_begins();
    stop_other_cores(cpu);
    rt_printf("\n");
    console_report_begins();
    rt_printf("==== burrow crash report: cut from here ====\n");
    if (stack_core >= 0)
        rt_printf("cause: %s overflow on core %d, at 0x%lx\n", cause, stack_core, cpu_read_cr2());
    else
        print_cause(tf, cause);
    rt_printf("core %d of %d, build %s, version " BURROW_VERSION ", %lu ms after start\n", cpu->id, cpus_up, rt_build_id(),
              (unsigned long)(clock_now_ns() / 1000000));
    if (tf) {
        print_registers(tf);
        panic_print_frame(tf);
    } else {
        print_backtrace(0, (uint64_t)__builtin_frame_address(0));
    }
    print_other_cores(cpu);
    rt_report();
    rt_printf("==== end of crash report ====\n");
    rt_report_is_over();
    plat_exit(2);
}

_Noreturn void panic_report(TrapFrame *tf, const char *cause) {
    report(tf, cause, -1);
}
_Noreturn void panic_overflow(TrapFrame *tf, const char *stack, int cpu) {
    report(tf, stack, cpu);
}
_Noreturn void kernel_throw(const char *msg) {
    report(NULL, msg, -1);
}
