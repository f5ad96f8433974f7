// features.c -- what this CPU offers, read once on the boot core.
//
// Cores of one machine are taken to be alike, as firmware and every operating system do; paging_load and
// fpu_init_core set on each core exactly what was found here.
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"

CpuFeatures cpu_features;

static void copy_regs(char *to, CpuId r, bool vendor_order) {
    uint32_t v[4] = {r.a, r.b, r.c, r.d};
    if (vendor_order) v[0] = r.b, v[1] = r.d, v[2] = r.c;
    for (unsigned i = 0; i < (vendor_order ? 12u : 16u); i++)
        to[i] = (char)(v[i / 4] >> (i % 4 * 8));
}

static void read_names(CpuFeatures *f) {
    copy_regs(f->vendor, cpu_cpuid(0, 0), true);
    if (f->max_ext_leaf < 0x80000004u) return;
    for (uint32_t i = 0; i < 3; i++)
        copy_regs(f->brand + i * 16, cpu_cpuid(0x80000002u + i, 0), false);
}

static void read_extended(CpuFeatures *f) {
    f->phys_bits = 36;
    f->virt_bits = 48;
    if (f->max_ext_leaf >= 0x80000001u) {
        CpuId e = cpu_cpuid(0x80000001u, 0);
        f->nx = e.d >> 20 & 1;
        f->page_1g = e.d >> 26 & 1;
        f->rdtscp = e.d >> 27 & 1;
    }
    if (f->max_ext_leaf >= 0x80000007u) f->invariant_tsc = cpu_cpuid(0x80000007u, 0).d >> 8 & 1;
    if (f->max_ext_leaf >= 0x80000008u) {
        uint32_t a = cpu_cpuid(0x80000008u, 0).a;
        f->phys_bits = a & 0xff;
        f->virt_bits = a >> 8 & 0xff;
    }
}

void cpu_features_init(void) {
    CpuFeatures *f = &cpu_features;
    f->max_leaf = cpu_cpuid(0, 0).a;
    f->max_ext_leaf = cpu_cpuid(0x80000000u, 0).a;

    CpuId one = cpu_cpuid(1, 0);
    f->monitor = one.c >> 3 & 1;
    f->pcid = one.c >> 17 & 1;
    f->x2apic = one.c >> 21 & 1;
    f->tsc_deadline = one.c >> 24 & 1;
    f->xsave = one.c >> 26 & 1;
    f->rdrand = one.c >> 30 & 1;
    f->hypervisor = one.c >> 31 & 1;

    if (f->max_leaf >= 6) f->arat = cpu_cpuid(6, 0).a >> 2 & 1;
    if (f->max_leaf >= 7) {
        CpuId seven = cpu_cpuid(7, 0);
        f->fsgsbase = seven.b & 1;
        f->smep = seven.b >> 7 & 1;
        f->umip = seven.c >> 2 & 1;
    }
    if (f->xsave && f->max_leaf >= 13) {
        CpuId d = cpu_cpuid(13, 0);
        f->xcr0_offered = (uint64_t)d.d << 32 | d.a;
        f->xsavec = cpu_cpuid(13, 1).a >> 1 & 1;
    } else {
        f->xsave = false;
    }
    f->la57_active =
        (cpu_read_cr4() & CR4_LA57) != 0; // firmware's choice; leaving it would mean leaving long mode

    read_extended(f);
    read_names(f);
}
