// plat.c -- rt/plat.h on the metal: the only face of the kernel that the runtime sees. Each function is a
// thin door.
//
// Sleeping. plat_idle and plat_wake race, and no wake-up may be lost, nor an interrupt sent to a core that
// does not sleep. The sleeper stores idle, then reads wake; the waker has stored wake, then reads idle
// (Dekker; both seq_cst): at least one sees the other. If the waker sees idle it sends an interrupt, which
// stays pending while interrupts are off and ends the hlt, because no interrupt is taken between sti and hlt.
// Timer ticks end the hlt likewise.
#include "kernel/kernel.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "rt/core.h"

// Names shared with the hosted build (scripts/blobs.asm).
extern const unsigned char blob_files[], blob_files_end[], blob_symbols[], blob_symbols_end[];

// ---- cores

int plat_cpu_count(void) {
    return cpus_up;
}

void plat_cpu_start(int cpu, void (*fn)(int cpu)) {
    Cpu *c = cpus[cpu];
    store_release(&c->start_fn, fn); // pairs with the acquire in the parking loop (smp.c)
    apic_ipi(c->apic_id, VEC_IPI);
}

void plat_idle(P *p) {
    Cpu *cpu = rt_p_cpu(p);
    if (vmap_idle(cpu)) return; // a spurious return: the caller looks for work between two helpings
    cpu_cli();
    store_seq(&cpu->idle, 1);
    if (!load_seq(&p->wake)) cpu_sti_hlt();
    store_relaxed(&cpu->idle, 0);
    cpu_sti();
}

void plat_wake(int cpu) {
    Cpu *c = cpus[cpu];
    fence_seq(); // the caller's store of wake, then our load of idle
    if (load_seq(&c->idle)) apic_ipi(c->apic_id, VEC_IPI);
}

void plat_ipi(int cpu) {
    apic_ipi(cpus[cpu]->apic_id, VEC_IPI);
}
void plat_spin(unsigned turns) {
    cpu_pause();
}

// ---- time

int64_t plat_now_ns(void) {
    return clock_now_ns();
}
int64_t plat_wall_ns(void) {
    return clock_wall_ns();
}
void plat_timer_arm(int64_t deadline_ns) {
    clock_arm(deadline_ns);
}

// ---- console, end

size_t plat_write_try(const char *s, size_t n) {
    return console_write_try(s, n);
}
void plat_write(const char *s, size_t n) {
    console_write(s, n);
}
PlatInput plat_input_start(void) {
    return console_hears() || devices_hear() ? PLAT_INPUT_KEYS : PLAT_INPUT_NONE;
}
size_t plat_console_drain(void) {
    return console_drain();
}
void plat_report_begins(void) {
    console_report_begins();
}
_Noreturn void plat_exit(int code) {
    power_off(code);
}

// ---- blobs

PlatBlob plat_blob_files(void) {
    return (PlatBlob){blob_files, (size_t)(blob_files_end - blob_files)};
}
PlatBlob plat_blob_symbols(void) {
    return (PlatBlob){blob_symbols, (size_t)(blob_symbols_end - blob_symbols)};
}
