// offsets.c -- compiled, never linked: scripts/asm_offsets.sh turns its output into offsets.inc for nasm (see
// rt/offsets.c).
#include <stddef.h>
#include "kernel/x86/ap.h"

#define DEFINE(name, value)       __asm__("\n.ascii \"->" #name " %c0\"\n" : : "i"((size_t)(value)))
#define OFFSET(name, type, field) DEFINE(name, offsetof(type, field))

void kernel_offsets(void);
void kernel_offsets(void) {
    DEFINE(AP_PARAMS_SIZE, sizeof(ApParams));
    OFFSET(AP_GATE, ApParams, gate);
    OFFSET(AP_GDT_LIMIT, ApParams, gdt_limit);
    OFFSET(AP_CR0, ApParams, cr0);
    OFFSET(AP_CR3, ApParams, cr3);
    OFFSET(AP_CR4, ApParams, cr4);
    OFFSET(AP_EFER, ApParams, efer);
    OFFSET(AP_JUMP, ApParams, jump_offset);
    OFFSET(AP_ENTRY, ApParams, entry);
    OFFSET(AP_SLOT_APIC_ID, ApSlot, apic_id);
    OFFSET(AP_SLOT_STATE, ApSlot, state);
    OFFSET(AP_SLOT_STACK, ApSlot, stack);
    OFFSET(AP_SLOT_CPU, ApSlot, cpu);
    DEFINE(AP_SLOT_SIZE, sizeof(ApSlot));
    DEFINE(AP_STATE_EXPECTED, AP_EXPECTED);
    DEFINE(AP_STATE_ENTERED, AP_ENTERED);
}
