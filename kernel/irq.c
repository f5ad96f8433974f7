// irq.c -- interrupts: the vectors above 31, from the local APIC.
//
// Runs on the core's interrupt stack, interrupts off, general registers only, taking no lock: what must
// happen is noted (request bits, lock-free inboxes) or done to the interrupted frame, and the core returns.
// rt may have redirected the frame into the scheduler; nothing here cares. The EOI comes before rt is called:
// rt rewrites frames, but always returns.
//
// Locks: none. The table of device handlers is written once per vector: the handler is published by a release
// store that pairs with the acquire in irq_dispatch.
#include "kernel/kernel.h"
#include "kernel/x86/clock.h"
#include "rt/atomic.h"

typedef struct {
    void *arg;
    _Atomic(IrqHandler) fn; // NULL: free
} IrqSlot;

static IrqSlot device_slot[VEC_SPURIOUS - VEC_DEVICE];
static _Atomic uint32_t device_next; // next free slot
static _Atomic uint64_t unexpected;  // interrupts without a handler

void irq_dispatch(TrapFrame *tf); // trap.asm

static void count(_Atomic uint64_t *n) {
    store_relaxed(n, load_relaxed(n) + 1);
} // one writer: this core

int irq_register(IrqHandler fn, void *arg) {
    uint32_t i = fetch_add(&device_next, 1);
    if (i >= VEC_SPURIOUS - VEC_DEVICE) return -1;
    device_slot[i].arg = arg;
    store_release(&device_slot[i].fn, fn);
    return VEC_DEVICE + (int)i;
}

static void device_dispatch(int vector) {
    IrqSlot *slot = vector >= VEC_DEVICE && vector < VEC_SPURIOUS ? &device_slot[vector - VEC_DEVICE] : NULL;
    IrqHandler fn = slot ? load_acquire(&slot->fn) : NULL;
    if (fn)
        fn(vector, slot->arg);
    else if (fetch_add(&unexpected, 1) == 0)
        rt_printf("interrupt 0x%x has no handler (said once)\n", vector);
}

void irq_dispatch(TrapFrame *tf) {
    Cpu *cpu = cpu_self();
    cpu->irq_frame = tf; // for a dump
    switch (tf->vector) {
    case VEC_TIMER:
        count(&cpu->irq_timer);
        apic_eoi();
        if (clock_irq())
            rt_irq_tick(tf);
        else
            rt_irq_ipi(tf); // a device's poll may have made somebody ready
        break;
    case VEC_IPI:
        count(&cpu->irq_ipi);
        apic_eoi();
        rt_irq_ipi(tf);
        break;
    case VEC_TLB:
        count(&cpu->irq_tlb);
        vmap_irq(cpu);
        apic_eoi();
        break;
    case VEC_SPURIOUS:
        count(&cpu->irq_spurious);
        if (apic_in_service(VEC_SPURIOUS))
            apic_eoi(); // a real one: without the EOI it would hold back all others for ever
        break;          // the APIC's own is by its definition not in service
    default:
        count(&cpu->irq_device);
        device_dispatch((int)tf->vector);
        apic_eoi();
        rt_irq_ipi(tf); // for whom a handler made ready (rt_irq_ready)
        break;
    }
    cpu->irq_frame = NULL;
}
