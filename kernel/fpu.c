// fpu.c -- floating point and vector state: which parts exist here, and how the runtime saves them.
//
// The kernel itself uses general registers only, so the vector registers of an interrupted goroutine stay in
// the CPU until the runtime decides to switch; plat_fpu_capture then stores them. XSAVEC where the CPU has it
// (compact, skips what is in its initial state), else XSAVE, else FXSAVE. Never XSAVEOPT: it omits what it
// believes unchanged since the last XRSTOR from the same address, and save areas are recycled between
// goroutines.
//
// Enabled: x87, SSE, AVX, AVX-512. Not AMX (8 KiB of tiles; needs release on idle) and not PKRU (no user
// pages, and XRSTOR of a stale PKRU would be a security bug for those who have them). Leaf 13 alone does not
// tell what exists: QEMU's software emulation offers the state of AVX-512 for CPU models whose instructions
// it lacks.
#include "kernel/cmdline.h"
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"

enum { AREA_MAX = 4096, LEGACY_BYTES = 512, HEADER_BYTES = 64 };
#define XCR0_X87          (1ull << 0)
#define XCR0_SSE          (1ull << 1)
#define XCR0_AVX          (1ull << 2)
#define XCR0_AVX512       (7ull << 5)
#define LEAF1_ECX_AVX     (1u << 28)
#define LEAF7_EBX_AVX512F (1u << 16)
#define MXCSR_RESET       0x1f80u // all exceptions masked, round to nearest

static uint64_t xcr0;

void fpu_init_core(void) {
    cpu_write_cr0((cpu_read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE);
    cpu_write_cr4(cpu_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | (cpu_features.xsave ? CR4_OSXSAVE : 0));
    if (cpu_features.xsave) cpu_xsetbv(0, xcr0);
    const uint32_t mxcsr = MXCSR_RESET;
    __asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
}

void fpu_init_boot(void) {
    xcr0 = XCR0_X87 | XCR0_SSE;
    uint64_t offered = cpu_features.xcr0_offered;
    if (offered & XCR0_AVX && cpu_cpuid(1, 0).c & LEAF1_ECX_AVX) {
        xcr0 |= XCR0_AVX;
        if ((offered & XCR0_AVX512) == XCR0_AVX512 && cpu_cpuid(7, 0).b & LEAF7_EBX_AVX512F)
            xcr0 |= XCR0_AVX512; // all three or none
    }
    fpu_init_core();

    rt_fpu_mask = xcr0;
    rt_fpu_mode = FPU_FXSAVE;
    uint32_t bytes = LEGACY_BYTES;
    if (cpu_features.xsave) {
        // Both leaves answer for XCR0 as it is set now. A hypervisor that offers XSAVEC without XSAVES may
        // leave the size of the compact form zero; the standard form is never smaller.
        rt_fpu_mode = cpu_features.xsavec ? FPU_XSAVEC : FPU_XSAVE;
        bytes = cpu_cpuid(13, 0).b;
        if (bytes < LEGACY_BYTES + HEADER_BYTES) bytes = LEGACY_BYTES + HEADER_BYTES;
    }
    rt_fpu_bytes = (bytes + 63) & ~63u;
    if (rt_fpu_bytes > AREA_MAX) kernel_throw("vector state larger than a save area");
}

void fpu_apply_knobs(void) {
    uint64_t test;
    if (cmdline_knob(KNOB_TESTXSAVE, &test) && rt_fpu_mode == FPU_XSAVEC) rt_fpu_mode = FPU_XSAVE;
}

void plat_fpu_capture(void *area) {
    uint32_t lo = (uint32_t)rt_fpu_mask, hi = (uint32_t)(rt_fpu_mask >> 32);
    if (rt_fpu_mode == FPU_FXSAVE) {
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
        return;
    }
    // Both instructions leave most of the header as they find it, XRSTOR refuses a header with garbage, and
    // areas are recycled memory.
    uint64_t *header = (uint64_t *)((char *)area + LEGACY_BYTES);
    for (unsigned i = 0; i < HEADER_BYTES / 8; i++)
        header[i] = 0;
    if (rt_fpu_mode == FPU_XSAVEC)
        __asm__ volatile("xsavec64 (%0)" : : "r"(area), "a"(lo), "d"(hi) : "memory");
    else
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(lo), "d"(hi) : "memory");
}
