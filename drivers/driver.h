// driver.h -- how the kernel finds its devices: one table, filled at build time (table.c).
//
// A driver is a name, a probe and what it offers. The kernel never names a driver; it walks the table.
// Drivers see kernel headers and rt/rt.h, nothing above.
#pragma once
#include "kernel/kernel.h"

// A console takes bytes (UTF-8 text with '\n'). The log (kernel/log.c) calls it, one core at a time,
// interrupts off; in a crash perhaps in the middle of its own earlier call, so its state must be safe to use
// at any instruction.
typedef struct Console {
    // Takes up to n bytes and returns how many; never waits, never takes long. [any]
    size_t (*put)(const char *s, size_t n);
    // Makes visible what was taken; `now`: even if it was done a moment ago. True: nothing is left to do.
    // NULL: always visible. [any]
    bool (*flush)(bool now);
    // Shows n bytes of text beside what else it shows, as a picture for cameras, for good. NULL: it cannot.
    // [any]
    void (*show_code)(const char *text, size_t n);
    // Input, if the device has any: called with the interrupts of its ISA line, from the time when listen was
    // called. [any]
    IrqHandler received;
    unsigned isa_irq;
    // Begins to hear. vector: what the line arrives as at this core, -1: no way for it. False: no interrupt
    // arrives; the driver's poll looks instead. [boot]
    bool (*listen)(int vector);
} Console;

typedef enum {
    DRIVER_EARLY,  // probed first of all: port I/O only, no memory, no mappings
    DRIVER_MAPPED, // probed when map_mmio and frame_alloc work
    DRIVER_DEVICE, // probed when interrupts can be registered and the clock runs (kernel/devices.c)
} DriverStage;

typedef struct Driver {
    const char *name;
    DriverStage stage;
    // True: the device is there and ready. Waits are bounded; absence is normal. [boot]
    bool (*probe)(const BootInfo *bi);
    const Console *console; // NULL: not a console
    bool input;             // DRIVER_DEVICE: it may bring console input
    // Called on the boot core, interrupts off, once at the start (of DRIVER_DEVICE only those that are there)
    // and then when device_poll_at says so, perhaps earlier; returns the time of the next call, or
    // TIME_NEVER. NULL: none.
    int64_t (*poll)(int64_t now_ns);
} Driver;

extern const Driver *const driver_table[]; // ends with NULL
