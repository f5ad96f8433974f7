// offsets.c -- compiled, never linked: scripts/asm_offsets.sh turns its output into offsets.inc for nasm, so that nobody
// types an offset.
#include "core.h"

#define DEFINE(name, value)       __asm__("\n.ascii \"->" #name " %c0\"\n" : : "i"((size_t)(value)))
#define OFFSET(name, type, field) DEFINE(name, offsetof(type, field))

void offsets(void);
void offsets(void) {
    OFFSET(G_SP, G, sp);
    OFFSET(G_GUARD, G, guard);
    OFFSET(G_ON_CPU, G, on_cpu);
    OFFSET(G_MXCSR, G, mxcsr);
    OFFSET(G_FCW, G, fcw);
    OFFSET(G_SEG, G, seg);
    OFFSET(G_STACK_BYTES, G, stack_bytes);
    OFFSET(P_SELF, P, self);
    OFFSET(P_G, P, g);
    OFFSET(P_SYS_SP, P, sys_sp);
    OFFSET(P_SYS_LO, P, sys_lo);
    OFFSET(P_REQUEST, P, request);
    OFFSET(P_SPARE, P, spare);
    OFFSET(P_SPARE_COUNT, P, spare_count);
    OFFSET(P_N_SPLITS, P, n_splits);
    OFFSET(SEG_OLDER, StackSeg, older);
    OFFSET(SEG_NEWER, StackSeg, newer);
    OFFSET(SEG_BASE, StackSeg, base);
    OFFSET(SEG_BYTES, StackSeg, bytes);
    OFFSET(SEG_LIVE, StackSeg, live);
    OFFSET(CTX_NEXT, Ctx, next);
    OFFSET(CTX_FPU, Ctx, fpu);
    OFFSET(TF_RIP, TrapFrame, rip);
    OFFSET(TF_CS, TrapFrame, cs);
    OFFSET(TF_RFLAGS, TrapFrame, rflags);
    OFFSET(TF_RSP, TrapFrame, rsp);
    OFFSET(TF_SS, TrapFrame, ss);
    OFFSET(TF_RAX, TrapFrame, rax);
    OFFSET(CATCH_REGS, CatchFrame, regs);
    OFFSET(SCHED_TRAPSTEP, Sched, trapstep);
    OFFSET(SCHED_CLEAR_VECTORS, Sched, clear_vectors);
    DEFINE(STACK_SLACK, STACK_SLACK);
    DEFINE(STACK_KEEP, STACK_KEEP);
    DEFINE(FPU_FXSAVE, FPU_FXSAVE);
    DEFINE(FPU_XSAVE, FPU_XSAVE);
    DEFINE(FPU_XSAVEC, FPU_XSAVEC);
}
