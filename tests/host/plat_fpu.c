// plat_fpu.c -- floating point state: how rt saves it, and where an interrupted goroutine's is.
//
// A goroutine that is preempted where it stands continues by XRSTOR from its Ctx, not by the signal's return,
// so the state must be copied out of the signal frame. Linux writes that frame with XSAVE in standard format:
// the 512 bytes of FXSAVE, a 64-byte header (XSTATE_BV first), then the components at the offsets that CPUID
// leaf 13 gives. rt's mode is therefore FPU_XSAVE, never XSAVEC, whose compacted images XRSTOR would take for
// standard ones.
#include "host.h"
#include <cpuid.h>
#include <string.h>

#define FXSAVE_BYTES   512u
#define HEADER_BYTES   64u
#define AREA_MAX       4096u
#define FRAME_MAGIC    0x46505853u // FP_XSTATE_MAGIC1: an XSAVE image follows the FXSAVE part
#define COMPONENT_PKRU 9
// Left to the process: protection keys (one value for all) and AMX tiles (8 KB; no program of ours uses
// them).
#define NOT_PRESERVED ((1ull << COMPONENT_PKRU) | (3ull << 17))

// Bytes 464..511 of the FXSAVE part, which the CPU leaves to software: Linux's struct _fpx_sw_bytes.
typedef struct FrameNote {
    uint32_t magic, extended_bytes;
    uint64_t components;
    uint32_t xsave_bytes, reserved[7];
} FrameNote;
_Static_assert(sizeof(FrameNote) == 48, "ABI of Linux");

static uint64_t xcr0(void) {
    uint32_t lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return ((uint64_t)hi << 32) | lo;
}

void host_fpu_init(void) {
    uint32_t a, b, c, d;
    rt_fpu_mode = FPU_FXSAVE;
    rt_fpu_bytes = FXSAVE_BYTES;
    rt_fpu_mask = 3;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return;
    uint64_t mask = xcr0() & ~NOT_PRESERVED;
    uint32_t bytes = FXSAVE_BYTES + HEADER_BYTES;
    for (unsigned i = 2; i < 63; i++) {
        if (!(mask >> i & 1)) continue;
        __cpuid_count(13, i, a, b, c, d); // a: size, b: offset
        if (b + a > AREA_MAX)
            mask &= ~(1ull << i);
        else if (b + a > bytes)
            bytes = b + a;
    }
    rt_fpu_mode = FPU_XSAVE;
    rt_fpu_bytes = (bytes + 63) & ~63u;
    rt_fpu_mask = mask;
}

void plat_fpu_capture(void *area) {
    const uint8_t *frame = host_self()->fpu_frame;
    if (frame == NULL) rt_throw("plat_fpu_capture outside an interrupt");
    if (rt_fpu_mode == FPU_FXSAVE) {
        memcpy(area, frame, FXSAVE_BYTES);
        return;
    }
    const FrameNote *note = (const FrameNote *)(frame + FXSAVE_BYTES - sizeof *note);
    if (note->magic != FRAME_MAGIC) rt_throw("signal frame without XSAVE state");
    uint32_t bytes = note->xsave_bytes < rt_fpu_bytes ? note->xsave_bytes : rt_fpu_bytes;
    memcpy(area, frame, bytes);
    uint64_t *header = (uint64_t *)((uint8_t *)area + FXSAVE_BYTES);
    header[0] &=
        rt_fpu_mask & note->components; // XSTATE_BV: what is not in it XRSTOR sets to its initial state
    for (unsigned i = 1; i < HEADER_BYTES / 8; i++)
        header[i] = 0; // XCOMP_BV and what XRSTOR insists on
}
