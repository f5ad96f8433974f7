// mtrr.c -- memory type range registers: firmware sets them on each core, and must do so alike.
//
// A core on which a region is uncached that is cached on another does not only run at a hundredth of the
// speed: the two see different memory. Firmware has been known to forget cores. So a starting core compares
// all its registers with the boot core's, which firmware set up with the most care, and copies what differs
// by the sequence that Intel prescribes (SDM vol. 3A, 12.11.8): caches off and written back, TLB flushed,
// MTRRs off, write, all on again. The PAT needs none of this: paging_load sets it on every core.
//
// QEMU's cores lose theirs with each INIT, which real ones do not; so under a hypervisor a correction is not
// worth a message.
//
// Siblings that share registers write the same values.
//
// Locks: none. `boot` is written before the other cores start; counts are atomic.
#include "kernel/x86/mtrr.h"
#include "kernel/cmdline.h"
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"
#include "rt/atomic.h"

enum {
    MSR_CAP = 0xfe,
    MSR_DEFAULT = 0x2ff,
    MSR_VARIABLE = 0x200,
    CAP_FIXED = 1 << 8,
    DEFAULT_ENABLE = 1 << 11
};
enum { FIXED = 11, VARIABLE_MAX = 32, REGS_MAX = FIXED + 2 * VARIABLE_MAX };

static const uint32_t fixed_msr[FIXED] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                          0x26b, 0x26c, 0x26d, 0x26e, 0x26f};

static bool exists;
static unsigned reg_count; // beside the default type's
static uint32_t reg[REGS_MAX];
static uint64_t boot_value[REGS_MAX], boot_default;
static _Atomic uint32_t corrected, stubborn;

void mtrr_read_boot(void) {
    reg_count = 0;
    exists = cpu_cpuid(1, 0).d >> 12 & 1;
    if (!exists) return;
    uint64_t cap = cpu_rdmsr(MSR_CAP);
    unsigned variable = cap & 0xff;
    if (variable > VARIABLE_MAX) variable = VARIABLE_MAX;
    if (cap & CAP_FIXED)
        for (unsigned i = 0; i < FIXED; i++)
            reg[reg_count++] = fixed_msr[i];
    for (unsigned i = 0; i < 2 * variable; i++)
        reg[reg_count++] = MSR_VARIABLE + i;
    for (unsigned i = 0; i < reg_count; i++)
        boot_value[i] = cpu_rdmsr(reg[i]);
    boot_default = cpu_rdmsr(MSR_DEFAULT);
}

static bool as_boot_core(void) {
    bool same = cpu_rdmsr(MSR_DEFAULT) == boot_default;
    for (unsigned i = 0; i < reg_count && same; i++)
        same = cpu_rdmsr(reg[i]) == boot_value[i];
    return same;
}

static void write_back_caches(void) {
    __asm__ volatile("wbinvd" : : : "memory");
    cpu_write_cr3(cpu_read_cr3()); // no global pages exist: this flushes the whole TLB
}

static void copy_from_boot_core(void) {
    uint64_t cr0 = cpu_read_cr0();
    cpu_write_cr0((cr0 | CR0_CD) & ~CR0_NW);
    write_back_caches();
    cpu_wrmsr(MSR_DEFAULT, boot_default & ~(uint64_t)DEFAULT_ENABLE);
    for (unsigned i = 0; i < reg_count; i++)
        cpu_wrmsr(reg[i], boot_value[i]);
    cpu_wrmsr(MSR_DEFAULT, boot_default);
    write_back_caches();
    cpu_write_cr0(cr0);
}

void mtrr_init_core(void) {
    uint64_t test;
    if (!exists) return;
    if (cmdline_knob(KNOB_TESTMTRR, &test)) cpu_wrmsr(MSR_DEFAULT, boot_default ^ DEFAULT_ENABLE);
    if (as_boot_core()) return;
    copy_from_boot_core();
    fetch_add(as_boot_core() ? &corrected : &stubborn, 1);
}

void mtrr_report(void) {
    uint32_t n = load_seq(&corrected), bad = load_seq(&stubborn);
    uint64_t test;
    bool told = !cpu_features.hypervisor || cmdline_knob(KNOB_TESTMTRR, &test);
    if (n && told) rt_printf("smp: memory types (MTRRs) of %u cores differed; set as on the boot core\n", n);
    if (bad) rt_printf("smp: memory types (MTRRs) of %u cores differ and cannot be set\n", bad);
}
