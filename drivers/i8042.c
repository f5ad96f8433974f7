// i8042.c -- the PS/2 keyboard, behind the PC's keyboard controller.
//
// Many machines have no controller, or one that pretends; firmware may say so (FADT), or nothing answers at
// its ports. Every wait is bounded, and a controller that does not answer within it is left alone. The second
// port (mouse) is turned off.
//
// The controller translates to scan code set 1: a code with bit 7 clear is a key going down, E0h precedes the
// keys that the first PC did not have. Interrupt: ISA line 1, boot core. Tables that send it elsewhere would
// leave the keyboard deaf, or its input never quiet; so it is asked for an interrupt once, and where none
// arrives, or one without a cause, the timer looks instead.
#include "drivers/driver.h"
#include "drivers/keyboard.h"
#include "kernel/acpi.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/ioapic.h"

enum { PORT_DATA = 0x60, PORT_STATUS = 0x64, PORT_COMMAND = 0x64, KEYBOARD_IRQ = 1 };
enum { STATUS_OUTPUT = 0x01, STATUS_INPUT = 0x02, STATUS_MOUSE = 0x20, ABSENT = 0xff };
enum {
    CMD_READ_CONFIG = 0x20,
    CMD_WRITE_CONFIG = 0x60,
    CMD_DISABLE_2 = 0xa7,
    CMD_DISABLE_1 = 0xad,
    CMD_ENABLE_1 = 0xae,
    CMD_AS_IF_TYPED = 0xd2 // the next byte comes back as if from the keyboard
};
enum {
    CONFIG_IRQ_1 = 0x01,
    CONFIG_IRQ_2 = 0x02,
    CONFIG_OFF_1 = 0x10,
    CONFIG_OFF_2 = 0x20,
    CONFIG_TRANSLATE = 0x40
};
enum { KEYBOARD_ENABLE = 0xf4, KEYBOARD_ACK = 0xfa };
enum {
    WAIT_NS = 20000000,
    ARRIVAL_NS = 2000000,
    FLUSH_MAX = 64,
    CODES_MAX = 16,
    PREFIX = 0xe0,
    PREFIX_PAUSE = 0xe1,
    BREAK = 0x80
};

// Set 1 to usage; 0: none. The second for codes after E0h.
static const uint8_t plain[0x59] = {
    0,    0x29, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2d, 0x2e, 0x2a, 0x2b, // 00
    0x14, 0x1a, 0x08, 0x15, 0x17, 0x1c, 0x18, 0x0c, 0x12, 0x13, 0x2f, 0x30, 0x28, 0xe0, 0x04, 0x16, // 10
    0x07, 0x09, 0x0a, 0x0b, 0x0d, 0x0e, 0x0f, 0x33, 0x34, 0x35, 0xe1, 0x31, 0x1d, 0x1b, 0x06, 0x19, // 20
    0x05, 0x11, 0x10, 0x36, 0x37, 0x38, 0xe5, 0x55, 0xe2, 0x2c, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, // 30
    0x3f, 0x40, 0x41, 0x42, 0x43, 0,    0,    0x5f, 0x60, 0x61, 0x56, 0x5c, 0x5d, 0x5e, 0x57, 0x59, // 40
    0x5a, 0x5b, 0x62, 0x63, 0,    0,    0x64, 0x44, 0x45};                                          // 50
static uint8_t after_prefix(uint8_t code) {
    switch (code) {
    case 0x1c:
        return 0x58;
    case 0x1d:
        return 0xe4;
    case 0x35:
        return 0x54;
    case 0x38:
        return 0xe6;
    case 0x47:
        return 0x4a;
    case 0x48:
        return 0x52;
    case 0x49:
        return 0x4b;
    case 0x4b:
        return 0x50;
    case 0x4d:
        return 0x4f;
    case 0x4f:
        return 0x4d;
    case 0x50:
        return 0x51;
    case 0x51:
        return 0x4e;
    case 0x52:
        return 0x49;
    case 0x53:
        return 0x4c;
    default:
        return 0; // also the shifts that old keyboards invent around these
    }
}

enum { POLLED_NS = 10000000 };

static bool polled;
static bool prefixed;
static int pause_left; // codes of the Pause key that are still to come

static bool wait_status(uint8_t bit, bool set) {
    int64_t end = clock_now_ns() + WAIT_NS;
    do {
        uint8_t s = cpu_in8(PORT_STATUS);
        if (s == ABSENT) return false;
        if (!!(s & bit) == set) return true;
        cpu_pause();
    } while (clock_now_ns() < end);
    return false;
}
static bool command(uint8_t c) {
    if (!wait_status(STATUS_INPUT, false)) return false;
    cpu_out8(PORT_COMMAND, c);
    return true;
}
static bool write_data(uint8_t v) {
    if (!wait_status(STATUS_INPUT, false)) return false;
    cpu_out8(PORT_DATA, v);
    return true;
}
static int read_data(void) { // -1: nothing comes
    return wait_status(STATUS_OUTPUT, true) ? cpu_in8(PORT_DATA) : -1;
}

static void take_code(uint8_t code) {
    if (pause_left > 0) {
        pause_left--;
        return;
    }
    if (code == PREFIX_PAUSE) pause_left = 2;
    if (code >= PREFIX) { // answers to commands are above, too
        prefixed = code == PREFIX;
        return;
    }
    uint8_t key = code & 0x7f, usage = prefixed ? after_prefix(key) : key < sizeof plain ? plain[key] : 0;
    prefixed = false;
    if (usage) keyboard_key(usage, !(code & BREAK), false);
}

static void take_codes(void) {
    for (int i = 0; i < CODES_MAX; i++) {
        uint8_t s = cpu_in8(PORT_STATUS);
        if (s == ABSENT || !(s & STATUS_OUTPUT)) return;
        uint8_t code = cpu_in8(PORT_DATA);
        if (!(s & STATUS_MOUSE)) take_code(code);
    }
}

static void i8042_irq(int vector, void *arg) {
    take_codes();
}

static int64_t i8042_poll(int64_t now) {
    if (!polled) return TIME_NEVER;
    take_codes();
    return now + POLLED_NS;
}

static bool flush(void) {
    for (int i = 0; i < FLUSH_MAX; i++) {
        uint8_t s = cpu_in8(PORT_STATUS);
        if (s == ABSENT) return false;
        if (!(s & STATUS_OUTPUT)) return true;
        cpu_in8(PORT_DATA);
    }
    return false; // it never ends
}

static bool set_up(void) {
    if (!command(CMD_DISABLE_1) || !command(CMD_DISABLE_2) || !flush()) return false;
    if (!command(CMD_READ_CONFIG)) return false;
    int config = read_data();
    if (config < 0 || config == ABSENT) return false;
    config &= ~(CONFIG_IRQ_2 | CONFIG_OFF_1);
    config |= CONFIG_IRQ_1 | CONFIG_OFF_2 | CONFIG_TRANSLATE;
    return command(CMD_WRITE_CONFIG) && write_data((uint8_t)config) && command(CMD_ENABLE_1);
}

// A byte waits to be read: its interrupt is pending, or soon.
static bool is_pending_soon(int vector) {
    int64_t end = clock_now_ns() + ARRIVAL_NS;
    do {
        if (apic_is_pending(vector)) return true;
        cpu_pause();
    } while (clock_now_ns() < end);
    return false;
}

// The keyboard is told to begin. Without one nobody acknowledges; it may be plugged in later, and begins by
// itself. Does what is answered, or what the controller itself sends then, interrupt? Who sends nothing is
// believed. vector -1: none.
static bool begin(int vector, bool *arrives) {
    *arrives = vector >= 0 && !apic_is_pending(vector);
    bool sent = write_data(KEYBOARD_ENABLE) && wait_status(STATUS_OUTPUT, true);
    if (!sent && *arrives)
        sent = command(CMD_AS_IF_TYPED) && write_data(0) && wait_status(STATUS_OUTPUT, true);
    if (sent && *arrives) *arrives = is_pending_soon(vector);
    return flush();
}

static bool i8042_probe(const BootInfo *bi) {
    if (acpi_info()->no_i8042 || acpi_info()->no_legacy || cpu_in8(PORT_STATUS) == ABSENT) return false;
    int vector = -1;
    bool there = set_up(), arrives = false;
    if (there) {
        vector = irq_register(i8042_irq, NULL);
        if (vector >= 0 && !ioapic_route_isa(KEYBOARD_IRQ, vector, apic_id_self())) vector = -1;
        there = begin(vector, &arrives);
    }
    polled = !arrives;
    if (polled && vector >= 0) ioapic_mask_isa(KEYBOARD_IRQ);
    if (!there)
        rt_printf("i8042: the keyboard controller does not answer\n");
    else if (polled)
        rt_printf("i8042: interrupt %d does not arrive; the keyboard is polled\n", KEYBOARD_IRQ);
    return there;
}

const Driver i8042_driver = {
    .name = "PS/2", .stage = DRIVER_DEVICE, .probe = i8042_probe, .input = true, .poll = i8042_poll};
