// apic.c -- the local APIC: this core's interrupt controller, its way to interrupt other cores, and its
// timer.
//
// Registers are the same in both modes, reached through memory (xAPIC) or model-specific registers (x2APIC).
// x2APIC is used where the CPU has it: firmware may have left it on (leaving it would need a reset of the
// APIC), and only it can address ids above 254; but not where firmware asks for the old mode and has left it
// on. All cores use the boot core's mode.
//
// The timer is one-shot: either counting down a divided clock (at most 2^32 ticks: longer waits come back
// early and clock.c arms again), or, where offered, firing at a TSC value.
//
// Locks: none. A core touches only its own APIC. In xAPIC mode an IPI takes two stores, made with interrupts
// off; an NMI between them that sends gives the first one back (apic_nmi).
#include "kernel/x86/apic.h"
#include "kernel/acpi.h"
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"
#include "rt/atomic.h"

enum { // register offsets in xAPIC mode; x2APIC: MSR 0x800 + offset / 16
    REG_ID = 0x20,
    REG_TPR = 0x80,
    REG_EOI = 0xb0,
    REG_SPURIOUS = 0xf0,
    REG_ISR = 0x100, // 8 registers, 16 bytes apart
    REG_IRR = 0x200, // likewise
    REG_ERROR = 0x280,
    REG_ICR = 0x300,
    REG_ICR_HIGH = 0x310, // xAPIC only
    REG_LVT_TIMER = 0x320,
    REG_LVT_PERF = 0x340,
    REG_LVT_LINT0 = 0x350,
    REG_LVT_LINT1 = 0x360,
    REG_LVT_ERROR = 0x370,
    REG_TIMER_INITIAL = 0x380,
    REG_TIMER_CURRENT = 0x390,
    REG_TIMER_DIVIDE = 0x3e0,
};
enum {
    BASE_X2 = 1 << 10, // MSR_APIC_BASE
    BASE_ENABLE = 1 << 11,
    SPURIOUS_ENABLE = 1 << 8,
    LVT_MASKED = 1 << 16,
    LVT_NMI = 4 << 8,
    LVT_TSC_DEADLINE = 2 << 17,
    ICR_FIXED = 0 << 8,
    ICR_NMI = 4 << 8,
    ICR_INIT = 5 << 8,
    ICR_STARTUP = 6 << 8,
    ICR_ASSERT = 1 << 14,
    ICR_PENDING = 1 << 12, // xAPIC only
    DIVIDE_BY_16 = 3,
    ICR_POLLS_MAX = 1000000,
    ERRORS_TOLD = 5,
};
enum { MSR_X2_BASE = 0x800, MSR_TSC_DEADLINE = 0x6e0 };

static bool x2;
static volatile uint32_t *regs; // xAPIC mode
static int error_vector = -1;
static uint64_t timer_hz;        // divided clock; 0: TSC-deadline
static uint64_t ticks_per_ns_32; // timer_hz (or TSC Hz) / 1e9 in 32.32 fixed point
static uint64_t tsc_per_ns_32;

// ---- registers

static uint32_t reg_read(uint32_t reg) {
    return x2 ? (uint32_t)cpu_rdmsr(MSR_X2_BASE + reg / 16) : regs[reg / 4];
}

static void reg_write(uint32_t reg, uint32_t v) {
    if (x2)
        cpu_wrmsr(MSR_X2_BASE + reg / 16, v);
    else
        regs[reg / 4] = v;
}

bool apic_is_x2(void) {
    return x2;
}

// The CPU's own number, known before any mode is chosen: leaf 0Bh has all 32 bits, leaf 1 the low 8. ap.asm
// does the same.
uint32_t apic_id_self(void) {
    if (cpu_cpuid(0, 0).a >= 0xb) {
        CpuId r = cpu_cpuid(0xb, 0);
        if (r.b & 0xffff) return r.d;
    }
    return cpu_cpuid(1, 0).b >> 24;
}

// ---- start

uint64_t apic_phys(void) {
    return cpu_rdmsr(MSR_APIC_BASE) & ((1ull << cpu_features.phys_bits) - 1) & ~(uint64_t)(PAGE_SIZE - 1);
}

static void choose_mode(void) {
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE);
    if (!(cpu_cpuid(1, 0).d >> 9 & 1)) kernel_throw("this CPU has no local APIC");
    x2 = (base & BASE_X2) || (cpu_features.x2apic && !acpi_info()->no_x2apic);
    if (x2) return;
    regs = map_mmio(apic_phys(), PAGE_SIZE, CACHE_UC);
    if (!regs) kernel_throw("the local APIC's registers cannot be mapped");
}

// The two old interrupt controllers would share our vectors: all their lines off.
static void mask_legacy_controllers(void) {
    if (acpi_info()->no_legacy) return;
    cpu_out8(0x21, 0xff);
    cpu_out8(0xa1, 0xff);
}

static void error_irq(int vector, void *arg) {
    static _Atomic uint32_t told;
    reg_write(REG_ERROR, 0); // latches what has happened since the last time
    uint32_t status = reg_read(REG_ERROR);
    if (fetch_add(&told, 1) < ERRORS_TOLD)
        rt_printf("core %d: local APIC error 0x%x\n", cpu_self()->id, status);
}

// Interrupts that firmware left in service would hold back ours for ever.
static void finish_old_interrupts(void) {
    for (int round = 0; round < 256; round++) {
        uint32_t any = 0;
        for (uint32_t i = 0; i < 8; i++)
            any |= reg_read(REG_ISR + i * 16);
        if (!any) return;
        reg_write(REG_EOI, 0);
    }
}

void apic_init_core(void) {
    static bool chosen;
    if (!chosen) {
        choose_mode();
        mask_legacy_controllers();
        error_vector = irq_register(error_irq, NULL);
        chosen = true;
    }
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE);
    if (!(base & BASE_ENABLE)) cpu_wrmsr(MSR_APIC_BASE, base |= BASE_ENABLE); // x2APIC only by way of xAPIC
    if (x2 && !(base & BASE_X2)) cpu_wrmsr(MSR_APIC_BASE, base | BASE_X2);

    reg_write(REG_TPR, 0);
    reg_write(REG_SPURIOUS, SPURIOUS_ENABLE | VEC_SPURIOUS);
    reg_write(REG_LVT_TIMER, LVT_MASKED | VEC_TIMER);
    reg_write(REG_LVT_PERF, LVT_MASKED);
    reg_write(REG_LVT_LINT0, LVT_MASKED);
    reg_write(REG_LVT_LINT1, LVT_NMI); // on every core: the button, and QMP's inject-nmi, reach all
    reg_write(REG_LVT_ERROR, error_vector < 0 ? LVT_MASKED : (uint32_t)error_vector);
    reg_write(REG_ERROR, 0);
    finish_old_interrupts();
    if (timer_hz || tsc_per_ns_32) apic_timer_set_hz(timer_hz); // an AP: calibrated already
}

void apic_eoi(void) {
    reg_write(REG_EOI, 0);
}

bool apic_in_service(int vector) {
    return reg_read(REG_ISR + (uint32_t)vector / 32 * 16) >> (vector % 32) & 1;
}

bool apic_is_pending(int vector) {
    return reg_read(REG_IRR + (uint32_t)vector / 32 * 16) >> (vector % 32) & 1;
}

// ---- interrupting other cores

// Before: stores made for the receiver are visible (plat_wake, shootdowns). In xAPIC mode the uncached store
// orders them; a wrmsr to an x2APIC register does not.
static void icr_send(uint32_t apic_id, uint32_t command) {
    if (x2) {
        __asm__ volatile("mfence; lfence" : : : "memory");
        cpu_wrmsr(MSR_X2_BASE + REG_ICR / 16, (uint64_t)apic_id << 32 | command);
        return;
    }
    bool irq = cpu_irq_save();
    for (int i = 0; i < ICR_POLLS_MAX && (regs[REG_ICR / 4] & ICR_PENDING); i++)
        cpu_pause();
    regs[REG_ICR_HIGH / 4] = apic_id << 24;
    regs[REG_ICR / 4] = command;
    cpu_irq_restore(irq);
}

void apic_ipi(uint32_t apic_id, int vector) {
    icr_send(apic_id, ICR_FIXED | ICR_ASSERT | (uint32_t)vector);
}
void apic_nmi(uint32_t apic_id) {
    if (!x2 && !regs) return;
    uint32_t high = x2 ? 0 : regs[REG_ICR_HIGH / 4]; // perhaps of an icr_send that we interrupted
    icr_send(apic_id, ICR_NMI | ICR_ASSERT);
    if (x2) return;
    for (int i = 0; i < ICR_POLLS_MAX && (regs[REG_ICR / 4] & ICR_PENDING); i++)
        cpu_pause();
    regs[REG_ICR_HIGH / 4] = high;
}
void apic_send_init(uint32_t apic_id) {
    icr_send(apic_id, ICR_INIT | ICR_ASSERT);
}
void apic_send_startup(uint32_t apic_id, uint8_t page) {
    icr_send(apic_id, ICR_STARTUP | ICR_ASSERT | page);
}

// ---- the timer

void apic_timer_free_run(void) {
    reg_write(REG_TIMER_DIVIDE, DIVIDE_BY_16);
    reg_write(REG_LVT_TIMER, LVT_MASKED | VEC_TIMER);
    reg_write(REG_TIMER_INITIAL, UINT32_MAX);
}

uint32_t apic_timer_left(void) {
    return reg_read(REG_TIMER_CURRENT);
}

void apic_timer_set_hz(uint64_t hz) {
    timer_hz = hz;
    ticks_per_ns_32 = (hz << 29) / (1000000000u >> 3);
    tsc_per_ns_32 = (clock_tsc_hz() << 29) / (1000000000u >> 3);
    if (hz) {
        reg_write(REG_TIMER_INITIAL, 0);
        reg_write(REG_TIMER_DIVIDE, DIVIDE_BY_16);
        reg_write(REG_LVT_TIMER, VEC_TIMER);
    } else {
        reg_write(REG_LVT_TIMER, LVT_TSC_DEADLINE | VEC_TIMER);
        __asm__ volatile("mfence" : : : "memory"); // the mode is set before the first deadline is written
        cpu_wrmsr(MSR_TSC_DEADLINE, 0);
    }
}

static uint64_t ns_to_ticks(int64_t ns, uint64_t per_ns_32) {
    return (uint64_t)(((unsigned __int128)(uint64_t)ns * per_ns_32) >> 32);
}

void apic_timer_arm_ns(int64_t delta_ns) {
    const int64_t day = 86400ll * 1000000000;
    bool never = delta_ns == TIME_NEVER;
    if (delta_ns < 0) delta_ns = 0;
    if (delta_ns > day) delta_ns = day; // the product below fits, and nobody minds being woken once a day
    if (timer_hz == 0) {
        uint64_t at = cpu_rdtsc() + ns_to_ticks(delta_ns, tsc_per_ns_32);
        cpu_wrmsr(MSR_TSC_DEADLINE, never ? 0 : at); // a deadline in the past fires at once
        return;
    }
    uint64_t ticks =
        ns_to_ticks(delta_ns, ticks_per_ns_32) + 1; // up: never early by rounding; 0 would disarm
    if (ticks > UINT32_MAX) ticks = UINT32_MAX;
    reg_write(REG_TIMER_INITIAL, never ? 0 : (uint32_t)ticks);
}
