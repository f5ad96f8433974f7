// test_mcheck.c -- which registers the set-up of machine checks writes, on invented processors.
#include "test.h"
#include "kernel/x86/cpu.h"
#define cpu_cpuid fake_cpuid
#define cpu_rdmsr fake_rdmsr
#define cpu_wrmsr fake_wrmsr
static CpuId fake_cpuid(uint32_t leaf, uint32_t sub);
static uint64_t fake_rdmsr(uint32_t msr);
static void fake_wrmsr(uint32_t msr, uint64_t v);
#include "kernel/x86/mcheck.c"

CpuFeatures cpu_features;
static uint32_t signature;
static uint64_t cap, control[BANKS_MAX], status[BANKS_MAX];
static int global_writes, said;

Cpu *cpu_self(void) {
    static Cpu c;
    return &c;
}
void rt_printf(const char *fmt, ...) {
    said++;
}
static CpuId fake_cpuid(uint32_t leaf, uint32_t sub) {
    CHECK_EQ(leaf, 1);
    return (CpuId){.a = signature, .d = 1 << 7 | 1 << 14};
}
static uint64_t fake_rdmsr(uint32_t msr) {
    if (msr == MSR_MCG_CAP) return cap;
    CHECK(msr >= MSR_BANK_CTL && msr < MSR_BANK_CTL + 4 * (cap & 0xff));
    return msr % 4 == 1 ? status[(msr - MSR_BANK_CTL) / 4] : 0;
}
static void fake_wrmsr(uint32_t msr, uint64_t v) {
    if (msr == MSR_MCG_STATUS || msr == MSR_MCG_CTL) {
        CHECK(msr == MSR_MCG_STATUS || cap & CAP_CTL);
        global_writes++;
        return;
    }
    CHECK(msr >= MSR_BANK_CTL && msr < MSR_BANK_CTL + 4 * (cap & 0xff));
    uint64_t *banks = msr % 4 == 0 ? control : status;
    CHECK(msr % 4 < 2);
    banks[(msr - MSR_BANK_CTL) / 4] = v;
}

static void start(const char *vendor, uint32_t s, uint64_t banks) {
    memcpy(cpu_features.vendor, vendor, 12);
    signature = s;
    cap = banks;
    memset(control, 0, sizeof control);
    memset(status, 0, sizeof status);
    status[1] = STATUS_VALID; // told, then forgotten
    global_writes = said = 0;
    mcheck_init_core();
    CHECK_EQ(status[1], 0);
    CHECK(said == 2 && control[1] == UINT64_MAX && control[(banks & 0xff) - 1] == UINT64_MAX);
}

static void first_bank(void) {
    static const struct {
        const char *vendor;
        uint32_t signature;
        bool ours;
    } cpu[] = {
        {"GenuineIntel", 0x000006fb, false}, // Core 2
        {"GenuineIntel", 0x00010676, false}, // the same, later
        {"GenuineIntel", 0x000106a5, true},  // Nehalem
        {"GenuineIntel", 0x000906ea, true},  {"GenuineIntel", 0x00000f43, true},
        {"AuthenticAMD", 0x00000662, true},  {"AuthenticAMD", 0x00800f82, true},
    };
    for (size_t i = 0; i < sizeof cpu / sizeof *cpu; i++)
        for (unsigned global = 0; global < 2; global++) {
            start(cpu[i].vendor, cpu[i].signature, 6 | (global ? CAP_CTL : 0));
            CHECK_EQ(control[0], cpu[i].ours ? UINT64_MAX : 0);
            CHECK_EQ(global_writes, 1 + (int)global);
        }
}

int main(void) {
    RUN(first_bank);
    return test_done();
}
