// mcheck.c -- machine checks: what the banks say, before the machine ends.
//
// An uncorrected error raises vector 18, on most machines on every core at once; the core that comes first
// writes the crash report, which begins with its banks, and the others are stopped. Nobody goes on
// afterwards: memory or a cache has lost data, and nothing here knows whose. Corrected errors raise nothing
// and cost nothing; those that are in the banks when the machine starts are told then, since they may be why
// it was started again.
//
// Sources: Intel SDM vol. 3B, 16.3 (registers), 16.8 (initialisation).
#include "kernel/x86/mcheck.h"
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"

enum {
    MSR_MCG_CAP = 0x179,
    MSR_MCG_STATUS = 0x17a,
    MSR_MCG_CTL = 0x17b,
    MSR_BANK_CTL = 0x400, // + 4 * bank; then status, address, misc
    MSR_BANK_STATUS = 0x401,
    MSR_BANK_ADDR = 0x402,
    BANKS_MAX = 32,
    CAP_CTL = 1 << 8,
};
#define STATUS_VALID       (1ull << 63)
#define STATUS_OVERFLOW    (1ull << 62)
#define STATUS_UNCORRECTED (1ull << 61)
#define STATUS_HAS_ADDR    (1ull << 58)
#define STATUS_CORRUPT     (1ull << 57)

static unsigned bank_count(void) {
    uint32_t features = cpu_cpuid(1, 0).d;
    if (!(features >> 7 & 1) || !(features >> 14 & 1)) return 0; // MCE and MCA
    unsigned n = cpu_rdmsr(MSR_MCG_CAP) & 0xff;
    return n < BANKS_MAX ? n : BANKS_MAX;
}

// Intel's processors before Nehalem have a register of the firmware's in the place of bank 0's control.
static bool first_control_is_ours(void) {
    static const char intel[] = "GenuineIntel";
    for (unsigned i = 0; i < sizeof intel - 1; i++)
        if (cpu_features.vendor[i] != intel[i]) return true;
    uint32_t one = cpu_cpuid(1, 0).a, family = one >> 8 & 15, model = (one >> 4 & 15) | (one >> 12 & 0xf0);
    return family != 6 || model >= 0x1a;
}

void mcheck_print(void) {
    for (uint32_t i = 0, n = bank_count(); i < n; i++) {
        uint64_t status = cpu_rdmsr(MSR_BANK_STATUS + 4 * i);
        if (!(status & STATUS_VALID)) continue;
        rt_printf("machine check on core %d, bank %u: status 0x%016lx, %s%s%s", cpu_self()->id, i, status,
                  status & STATUS_UNCORRECTED ? "uncorrected" : "corrected",
                  status & STATUS_CORRUPT ? ", processor context corrupt" : "",
                  status & STATUS_OVERFLOW ? ", and others before it" : "");
        if (status & STATUS_HAS_ADDR) rt_printf(", address 0x%lx", cpu_rdmsr(MSR_BANK_ADDR + 4 * i));
        rt_printf("\n");
    }
}

void mcheck_init_core(void) {
    unsigned n = bank_count();
    if (n == 0) return;
    mcheck_print();
    if (cpu_rdmsr(MSR_MCG_CAP) & CAP_CTL) cpu_wrmsr(MSR_MCG_CTL, UINT64_MAX);
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0 || first_control_is_ours()) cpu_wrmsr(MSR_BANK_CTL + 4 * i, UINT64_MAX);
        cpu_wrmsr(MSR_BANK_STATUS + 4 * i, 0);
    }
    cpu_wrmsr(MSR_MCG_STATUS, 0);
}
