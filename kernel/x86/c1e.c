// c1e.c -- AMD's C1E: the one way from HLT into a state in which the APIC timer stops.
//
// On AMD families 0Fh to 11h the chipset may put the package into C1E when all its cores have halted, and
// firmware may have asked for that (BIOS and Kernel Developer's Guide, MSRC001_0055; erratum 400):
// C1eOnCmpHalt or SmiOnCmpHalt. Then a sleeping core would miss its deadline. Both bits are cleared; the
// cores halt in C1. Later families have ARAT. Intel's C1E only lowers voltage and speed, the timer runs.
#include "kernel/x86/c1e.h"
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"

enum { MSR_INT_PENDING = 0xc0010055, ON_CMP_HALT = 3 << 27 };

static bool is_amd(void) {
    static const char amd[] = "AuthenticAMD";
    for (unsigned i = 0; i < sizeof amd - 1; i++)
        if (cpu_features.vendor[i] != amd[i]) return false;
    return true;
}

void c1e_off_core(void) {
    if (cpu_features.hypervisor || cpu_features.arat || !is_amd()) return;
    uint32_t one = cpu_cpuid(1, 0).a, family = (one >> 8 & 15) + (one >> 20 & 255);
    if ((one >> 8 & 15) != 15 || family < 0x0f || family > 0x11) return;
    uint64_t v = cpu_rdmsr(MSR_INT_PENDING);
    if (v & ON_CMP_HALT) cpu_wrmsr(MSR_INT_PENDING, v & ~(uint64_t)ON_CMP_HALT);
}
