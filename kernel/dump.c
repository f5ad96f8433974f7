// dump.c -- what is this machine doing? Every core, every goroutine, held locks, on every console; then it
// goes on.
//
// Asked for by a non-maskable interrupt: a button, QEMU's inject-nmi, or the key Ctrl-T on the serial line
// (drivers/serial.c), whose handler turns itself into one. So a program that hangs can be looked at, also
// where interrupts are off.
//
// The first core that is interrupted leads: it brings the others here by NMI, waits for them, bounded,
// writes, and lets them go. So what is written was true at one moment. One press of a button may interrupt a
// core twice, as the button's and as the leader's NMI; therefore an NMI soon after the end of a dump is not a
// new question.
//
// Two hazards of returning from an NMI. (1) One that hits between `sti` and `hlt` lets the interrupt that
// should end the hlt in before it, and the core would sleep through it: the frame is moved behind the hlt.
// (2) The iretq of a fault handler would unmask NMIs while this frame is in use. What is read here may be
// half written: kernel frames are looked up in the page tables first, but the runtime's lists are not. A
// fault there is left by a jump back (dump_escape), never by iretq.
//
// Locks: none. `leader` is taken by compare-and-swap; its release ends the others' wait.
#include "kernel/dump.h"
#include "kernel/panic.h"
#include "kernel/x86/cpu.h"
#include "rt/atomic.h"

enum { GATHER_MS = 250, GATHER_ROUNDS = 4, REPEAT_MS = 500 };

static _Atomic uint32_t leader;    // core + 1; 0: no dump
static _Atomic uint64_t last_end;  // TSC
static _Atomic uint32_t requested; // 1: by dump_request, so certainly a new question

static uint64_t ms_to_tsc(uint64_t ms) {
    uint64_t hz = clock_tsc_hz();
    return (hz ? hz : 3000000000u) / 1000 * ms;
}

// An interrupt that waits will come before this core could sleep: then it must not sleep.
static void skip_halt(TrapFrame *tf) {
    enum { STI = 0xfb, HLT = 0xf4 };
    const uint8_t *pc = (const uint8_t *)tf->rip;
    if ((tf->rflags & RFLAGS_IF) && paging_readable(tf->rip - 1) && paging_readable(tf->rip) &&
        pc[-1] == STI && pc[0] == HLT)
        tf->rip++;
}

// ---- the others

static void follow(Cpu *cpu, TrapFrame *tf) {
    cpu->stop_frame = *tf;
    store_release(&cpu->stopped, 1); // pairs with the acquire in gather and panic.c
    while (load_acquire(&leader)) {
        if (panic_in_progress()) panic_stop_here(tf);
        cpu_pause();
    }
    store_release(&cpu->stopped, 0);
}

static bool waits_for(const Cpu *self, int i) {
    Cpu *c = cpus[i];
    return c && c != self && load_relaxed(&c->online) && !load_acquire(&c->stopped);
}

static bool wait_for_all(const Cpu *self) {
    uint64_t start = cpu_rdtsc();
    for (;;) {
        bool all = true;
        for (int i = 0; i < cpus_up; i++)
            all &= !waits_for(self, i);
        if (all) return true;
        if (cpu_rdtsc() - start > ms_to_tsc(GATHER_MS)) return false;
        cpu_pause();
    }
}

static void gather(const Cpu *self) {
    for (int round = 0; round < GATHER_ROUNDS; round++) {
        for (int i = 0; i < cpus_up; i++)
            if (waits_for(self, i)) apic_nmi(cpus[i]->apic_id);
        if (wait_for_all(self)) return;
    }
}

// ---- the leader

static void print_cores(const Cpu *self, const TrapFrame *own) {
    for (int i = 0; i < cpus_up; i++) {
        const Cpu *c = cpus[i];
        if (!c || !load_relaxed(&c->online)) continue;
        const TrapFrame *tf = c == self ? own : load_acquire(&c->stopped) ? &c->stop_frame : NULL;
        if (!tf) {
            rt_printf("core %d: does not answer\n", i);
            continue;
        }
        rt_printf("core %d, interrupts %s:\n", i, tf->rflags & RFLAGS_IF ? "on" : "off");
        panic_print_frame(tf);
        if (c->irq_frame) {
            rt_printf("  which interrupted:\n");
            panic_print_frame(c->irq_frame);
        }
    }
}

// Not inlined: what it calls is cut off by the jump, its caller must not be.
static __attribute__((noinline)) void print_runtime(Cpu *cpu) {
    if (__builtin_setjmp(cpu->dump_escape)) {
        rt_printf("(the rest is missing: it could not be read)\n");
        return;
    }
    cpu->dump_armed = true;
    rt_report();
    cpu->dump_armed = false;
}

void dump_escape(Cpu *cpu) {
    if (!cpu->nmi_depth || !cpu->dump_armed) return;
    cpu->dump_armed = false;
    cpu->fault_depth--;
    __builtin_longjmp(cpu->dump_escape, 1);
}

static void lead(Cpu *cpu, const TrapFrame *tf) {
    gather(cpu);
    rt_printf("\n==== burrow dump, %lu ms after start, build %s ====\n",
              (unsigned long)(clock_now_ns() / 1000000), rt_build_id());
    print_cores(cpu, tf);
    print_runtime(cpu);
    rt_printf("==== end of dump ====\n");
}

void dump_nmi(TrapFrame *tf) {
    Cpu *cpu = cpu_self();
    uint32_t none = 0;
    skip_halt(tf);
    if (load_acquire(&leader)) {
        follow(cpu, tf);
        return;
    }
    bool again = cpu_rdtsc() - load_relaxed(&last_end) < ms_to_tsc(REPEAT_MS) && load_relaxed(&last_end);
    if (again && !load_relaxed(&requested)) return;
    if (!cas(&leader, &none, (uint32_t)cpu->id + 1)) {
        follow(cpu, tf);
        return;
    }
    store_relaxed(&requested, 0);
    lead(cpu, tf);
    store_relaxed(&last_end, cpu_rdtsc());
    store_release(&leader, 0); // pairs with the acquire in follow
}

void dump_request(void) {
    store_relaxed(&requested, 1);
    apic_nmi(cpu_self()->apic_id);
}
