// apic.h -- the local APIC, for the clock and for starting cores; the rest of the kernel finds what it needs
// in kernel.h.
#pragma once
#include <stdbool.h>
#include <stdint.h>

uint64_t apic_phys(void);              // where its registers are, used or not. [any]
bool apic_is_x2(void);                 // 32-bit APIC ids can be addressed. After apic_init_core
void apic_send_init(uint32_t apic_id); // stops a core until a start-up IPI. [any]
void apic_send_startup(uint32_t apic_id,
                       uint8_t page); // ...which makes it run real-mode code at page * 4096. [any]

// ---- the timer's raw side, for calibration (clock.c). Interrupts off.
enum { APIC_TIMER_DIVIDER = 16 };
void apic_timer_free_run(void); // counts down from 2^32 - 1, interrupt masked
uint32_t apic_timer_left(void);
void apic_timer_set_hz(
    uint64_t hz); // of the divided clock; all cores alike. 0: TSC-deadline mode is used instead
