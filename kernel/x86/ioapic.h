// ioapic.h -- interrupts of the board's old devices (ISA), through the I/O APIC.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Every input of every I/O APIC masked. [boot]
void ioapic_init(void);
// ISA interrupt `irq` arrives as `vector` at the core with this APIC id. False: there is no I/O APIC for it,
// or its input has been given to another line already. [boot]
bool ioapic_route_isa(unsigned irq, int vector, uint32_t apic_id);
// The same for a global input number, of which everything is known. [boot]
bool ioapic_route_gsi(uint32_t gsi, bool level, bool active_low, int vector, uint32_t apic_id);
// The input is heard no more. On the boot core, interrupts off.
void ioapic_mask_gsi(uint32_t gsi);
void ioapic_mask_isa(unsigned irq);
