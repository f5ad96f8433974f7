// ap.h -- what starting a core shares between smp.c and ap.asm; offsets go to nasm by kernel/offsets.c.
#pragma once
#include <stdint.h>

// At the end of the trampoline page, filled by smp.c before the first start-up IPI.
typedef struct __attribute__((packed)) ApParams {
    uint16_t gate; // 1: open. A core that comes when it is closed stops at once
    uint16_t gdt_limit;
    uint32_t gdt_base; // of gdt below
    uint32_t cr0, cr3, cr4, efer;
    uint32_t jump_offset; // far pointer to ap_long
    uint16_t jump_selector;
    uint64_t entry; // ap_entry, in the image
    uint64_t gdt[3];
} ApParams;

typedef enum { AP_REVOKED, AP_EXPECTED, AP_ENTERED } ApState;

// One per core that we wake; it finds its own by its APIC id.
typedef struct ApSlot {
    uint32_t apic_id;
    _Atomic uint32_t state; // AP_EXPECTED -> AP_ENTERED by the core, or -> AP_REVOKED by the boot core:
                            // compare and swap, one wins
    uint64_t stack;         // top; valid while AP_EXPECTED
    struct Cpu *cpu;
} ApSlot;

extern ApSlot ap_slots[];
extern uint32_t ap_slot_count;

// Copied to a page below 1 MiB: code at its start, ApParams at ap_params.
extern const char ap_trampoline[], ap_long[], ap_params[], ap_trampoline_end[];
void ap_entry(void);
