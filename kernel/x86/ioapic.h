// ioapic.h -- interrupts of the board's old devices (ISA), through the I/O APIC.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Every input of every I/O APIC masked. [boot]
void ioapic_init(void);
// ISA interrupt `irq` arrives as `vector` at the core with this APIC id. False: there is no I/O APIC for it.
// [boot]
bool ioapic_route_isa(unsigned irq, int vector, uint32_t apic_id);
