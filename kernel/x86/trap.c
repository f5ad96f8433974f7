// trap.c -- exceptions: the CPU's first 32 vectors.
//
// A fault of application code becomes a Go panic (rt_fault rewrites the frame, and returning from here enters
// the panic on the goroutine's stack). Everything that rt does not take is a bug below it and ends in
// panic_report.
//
// Nesting. A handler that may itself fault must not have its frame on the stack on which the next fault
// arrives. So trap_enter, which runs on the fault IST stack and touches nothing but this core's Cpu, copies
// the frame to one of FAULT_LEVELS other stacks by depth, and the handler works there. Deeper than that
// nothing is handled: one line, and the end. NMI, double fault, machine check and debug traps stay where they
// arrived: the CPU holds a second NMI back until iretq, a debug trap comes with TF clear and so never
// interrupts itself, and the other two do not return.
//
// The NMI handler must not fault, for the iretq of a fault handler would unmask NMIs while its frame is in
// use. It reads memory that paging_readable has found, or jumps out of the fault (dump.c); any other fault in
// it is never resumed: it ends the machine.
#include "kernel/dump.h"
#include "kernel/kernel.h"
#include "kernel/mem/layout.h"
#include "kernel/panic.h"
#include "kernel/x86/cpu.h"

enum {
    VEC_DIVIDE = 0,
    VEC_DEBUG = 1,
    VEC_NMI = 2,
    VEC_DOUBLE = 8,
    VEC_GP = 13,
    VEC_PF = 14,
    VEC_MF = 16,
    VEC_MCHECK = 18,
    VEC_XM = 19
};
enum { PF_PRESENT = 1, PF_WRITE = 2, PF_RESERVED = 8, PF_EXEC = 16 }; // bits of the page fault's error code

TrapFrame *trap_enter(TrapFrame *tf); // trap.asm
void trap_dispatch(TrapFrame *tf);

TrapFrame *trap_enter(TrapFrame *tf) {
    switch (tf->vector) {
    case VEC_DEBUG:
    case VEC_NMI:
    case VEC_DOUBLE:
    case VEC_MCHECK:
        return tf;
    default:
        break;
    }
    Cpu *cpu = cpu_self();
    int depth = cpu->fault_depth++;
    if (depth >= FAULT_LEVELS) panic_report_failed(tf);
    TrapFrame *to = (TrapFrame *)cpu->fault_top[depth] - 1;
    *to = *tf;
    return to;
}

// ---- faults

static const char *page_fault_cause(const TrapFrame *tf, uintptr_t addr) {
    if (tf->error & PF_RESERVED) return "page table entry with reserved bits set";
    return paging_explain(addr, tf->error & PF_WRITE, tf->error & PF_EXEC);
}

static bool is_canonical_address(uint64_t v) {
    int shift = cpu_features.la57_active ? 7 : 16;
    return (uint64_t)((int64_t)(v << shift) >> shift) == v;
}

// #GP does not tell the address. Among the registers a non-canonical value is nearly always the culprit.
static bool gp_is_address(const TrapFrame *tf, uintptr_t *addr) {
    const uint64_t *r = &tf->r15;
    if (tf->error) return false; // a selector: not a data access
    for (int i = 0; i < 15; i++) {
        if (is_canonical_address(r[i])) continue;
        *addr = r[i];
        return true;
    }
    return false;
}

static bool page_fault(TrapFrame *tf, bool may_panic, uintptr_t addr) {
    int owner;
    const char *stack = paging_guard_name(addr, &owner);
    if (stack) panic_overflow(tf, stack, owner);
    if (addr < PAGE_SIZE) return may_panic && rt_fault(tf, FAULT_NIL, addr);
    return may_panic && rt_fault(tf, FAULT_ACCESS, addr); // debug.SetPanicOnFault; else the crash report says the reason (paging_explain)
}

// True: the frame was redirected.
static bool fault_offer(TrapFrame *tf, uintptr_t cr2) {
    Cpu *cpu = cpu_self();
    // A fault of a handler belongs to nobody above.
    bool may_panic = cpu->fault_depth == 1 && cpu->nmi_depth == 0 && (tf->rflags & RFLAGS_IF);
    uintptr_t addr = 0;
    switch (tf->vector) {
    case VEC_PF:
        return page_fault(tf, may_panic, cr2);
    case VEC_GP:
        return may_panic && gp_is_address(tf, &addr) && rt_fault(tf, FAULT_ACCESS, addr);
    case VEC_DIVIDE:
        return may_panic && rt_fault(tf, FAULT_DIVIDE, 0);
    case VEC_MF:
    case VEC_XM:
        return may_panic && rt_fault(tf, FAULT_FPE, 0);
    default:
        return false;
    }
}

static const char *fault_cause(const TrapFrame *tf, uintptr_t cr2) {
    uintptr_t addr;
    if (tf->vector == VEC_PF) return page_fault_cause(tf, cr2);
    if (tf->vector == VEC_GP && gp_is_address(tf, &addr))
        return "perhaps by the non-canonical address in a register";
    return NULL;
}

static void fault_dispatch(TrapFrame *tf) {
    uintptr_t cr2 = cpu_read_cr2(); // before anything can fault again
    Cpu *cpu = cpu_self();
    atomic_fetch_add_explicit(&cpu->faults, 1, memory_order_relaxed);
    dump_escape(cpu);
    if (!fault_offer(tf, cr2)) panic_report(tf, fault_cause(tf, cr2));
    cpu->fault_depth--;
}

// ---- the others

static void debug_dispatch(TrapFrame *tf) {
    enum { DR6_STEP = 1 << 14 };
    uint64_t dr6;
    __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    __asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ull)); // the CPU never clears it
    if (!(dr6 & DR6_STEP)) panic_report(tf, "debug trap that nobody asked for");
    rt_irq_step(tf);
}

// Another core's crash report wants this core still; otherwise somebody outside (QMP, a button) asks what is
// going on.
static void nmi_dispatch(TrapFrame *tf) {
    Cpu *cpu = cpu_self();
    atomic_fetch_add_explicit(&cpu->nmis, 1, memory_order_relaxed);
    cpu->nmi_depth++;
    if (panic_in_progress()) panic_stop_here(tf);
    dump_nmi(tf);
    cpu->nmi_depth--;
}

void trap_dispatch(TrapFrame *tf) {
    switch (tf->vector) {
    case VEC_DEBUG:
        debug_dispatch(tf);
        break;
    case VEC_NMI:
        nmi_dispatch(tf);
        break;
    case VEC_DOUBLE:
        panic_report(tf, NULL);
    case VEC_MCHECK:
        panic_report(tf, NULL);
    default:
        fault_dispatch(tf);
        break;
    }
}
