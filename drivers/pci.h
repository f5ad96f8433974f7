// pci.h -- the machine's PCI devices for drivers: finding them, their registers, their interrupts.
//
// All of it at boot, on the boot core [boot]; a machine without PCI has no devices.
#pragma once
#include "drivers/pci_scan.h"
#include "kernel/kernel.h"

// The next device of this class after `after` (NULL: the first); NULL: no more.
const PciDevice *pci_next(const PciDevice *after, uint32_t class_code);
// Maps one of its register blocks and lets it answer and use memory. NULL: there is none of at least `least`
// bytes in memory (told).
volatile void *pci_map(const PciDevice *device, unsigned bar, size_t least, uint64_t *bytes);
// Lets it interrupt the calling core: MSI-X, message 0, else MSI. NULL: neither works here (told by the
// caller); else "MSI-X" or "MSI", and *vector. The handler may be called from now on, when interrupts are on.
// What stands between the device and the core may still swallow the message: let it interrupt once, and look.
const char *pci_irq(const PciDevice *device, IrqHandler fn, void *arg, int *vector);
void pci_say(PciAddress at, const char *text); // "pci 00:03.0 [8086:1e31] text"
