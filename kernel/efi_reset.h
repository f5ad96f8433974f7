// efi_reset.h -- shutting down through the firmware that booted us.
#pragma once
#include "boot/bootinfo.h"

// Builds the private page tables and the stack. Without them, or without EFI, efi_shutdown just returns.
// Before frame_handover, since it needs memory below 4 GiB. [boot]
void efi_reset_init(const BootInfo *bi);
// Asks the firmware to switch the machine off. Returns if it cannot. Interrupts off, system or trap stack.
// [any]
void efi_shutdown(void);
