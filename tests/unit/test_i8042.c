// test_i8042.c -- the PS/2 driver at an invented controller: one that works, one without a keyboard, one that
// is absent, hangs, or never stops talking; and scan codes as keys.
#include "test.h"
#include "kernel/x86/cpu.h"
#define cpu_in8  fake_in8
#define cpu_out8 fake_out8
static uint8_t fake_in8(uint16_t port);
static void fake_out8(uint16_t port, uint8_t v);
#include "drivers/i8042.c"

static enum { WORKS, NO_KEYBOARD, ABSENT_PORTS, HANGS, HANGS_LATER, TALKS } kind;
static uint8_t queue[64], config, expects;
static int queued, commands, routed, reads;
static bool enabled;
static int64_t now_ns;
static char keys[400];
static AcpiInfo acpi;

const AcpiInfo *acpi_info(void) {
    return &acpi;
}
int64_t clock_now_ns(void) {
    return now_ns += 1000; // a look at a port takes a microsecond
}
void rt_printf(const char *fmt, ...) {}
int irq_register(IrqHandler fn, void *arg) {
    return 0x50;
}
uint32_t apic_id_self(void) {
    return 0;
}
static bool no_way, leads_elsewhere, always_asserted, pending, as_if_typed_unknown;
bool ioapic_route_isa(unsigned irq, int vector, uint32_t apic_id) {
    routed++;
    return irq == 1 && vector == 0x50 && !no_way;
}
void ioapic_mask_isa(unsigned irq) {
    CHECK(irq == 1 && routed == 1 && !no_way);
    routed--;
}
bool apic_is_pending(int vector) {
    CHECK_EQ(vector, 0x50);
    return pending || always_asserted;
}
void keyboard_key(uint8_t usage, bool down, bool repeat) {
    size_t n = strlen(keys);
    CHECK(!repeat); // the keyboard does
    snprintf(keys + n, sizeof keys - n, "%s%02x", down ? "+" : "-", usage);
}

static void say(uint8_t v) {
    if (routed && config & CONFIG_IRQ_1 && !leads_elsewhere) pending = true;
    if (queued < (int)sizeof queue) queue[queued++] = v;
}
static uint8_t fake_in8(uint16_t port) {
    if (kind == ABSENT_PORTS) return 0xff;
    if (port == PORT_STATUS)
        return (uint8_t)((queued || kind == TALKS ? STATUS_OUTPUT : 0) |
                         (kind == HANGS || (kind == HANGS_LATER && commands > 3) ? STATUS_INPUT : 0));
    CHECK_EQ(port, PORT_DATA);
    reads++;
    if (!queued) return 0x1e;
    uint8_t v = queue[0];
    memmove(queue, queue + 1, (size_t)--queued);
    return v;
}
static void fake_out8(uint16_t port, uint8_t v) {
    if (port == PORT_COMMAND) {
        commands++;
        expects = 0;
        if (v == CMD_READ_CONFIG) say(config);
        if (v == CMD_WRITE_CONFIG || v == CMD_AS_IF_TYPED) expects = v;
        if (v == CMD_DISABLE_1) config |= CONFIG_OFF_1;
        if (v == CMD_ENABLE_1) config &= (uint8_t)~CONFIG_OFF_1;
    } else if (expects == CMD_WRITE_CONFIG) {
        config = v;
        expects = 0;
    } else if (expects == CMD_AS_IF_TYPED) {
        if (!as_if_typed_unknown) say(v);
        expects = 0;
    } else if (v == KEYBOARD_ENABLE) {
        enabled = true;
        if (kind != NO_KEYBOARD) say(KEYBOARD_ACK);
    }
}

static bool probe_with(int k) {
    kind = k;
    config = 0x65; // as firmware left it: off, without interrupt
    queued = commands = routed = reads = 0;
    enabled = pending = false;
    say(0x9c); // a key that was let go in the firmware's menu
    int64_t begin = now_ns;
    bool there = i8042_probe(NULL);
    CHECK(now_ns - begin < 500000000);
    return there;
}

static void controllers(void) {
    CHECK(probe_with(WORKS));
    CHECK_EQ(config, CONFIG_IRQ_1 | CONFIG_OFF_2 | CONFIG_TRANSLATE | 4);
    CHECK(enabled && routed == 1 && queued == 0);
    CHECK(probe_with(NO_KEYBOARD)); // one may come
    CHECK_EQ(routed, 1);
    CHECK(!probe_with(ABSENT_PORTS));
    CHECK(!probe_with(HANGS));
    CHECK(!probe_with(HANGS_LATER));
    CHECK(!probe_with(TALKS));
    CHECK(reads <= FLUSH_MAX + 4);
    CHECK_EQ(routed, 0);
    acpi.no_i8042 = true;
    CHECK(!probe_with(WORKS));
    CHECK_EQ(commands, 0); // firmware says that there is none: its ports are not touched
    acpi = (AcpiInfo){.no_legacy = true};
    CHECK(!probe_with(WORKS));
    acpi = (AcpiInfo){0};
}

static void type(const char *codes, size_t n) {
    keys[0] = 0;
    for (size_t i = 0; i < n; i++) {
        say((uint8_t)codes[i]);
        i8042_irq(0, NULL);
    }
}

static void scan_codes(void) {
    CHECK(probe_with(WORKS));
    type("\x1e\x9e\x2a\x30\xb0\xaa", 6); // a, Shift-b
    CHECK_STR(keys, "+04-04+e1+05-05-e1");
    type("\xe0\x48\xe0\xc8\x48\xc8", 6); // up; 8 of the keypad
    CHECK_STR(keys, "+52-52+60-60");
    type("\xe0\x2a\xe0\x49\xe0\xc9\xe0\xaa", 8); // page up between shifts that old keyboards invent
    CHECK_STR(keys, "+4b-4b");
    type("\xe1\x1d\x45\xe1\x9d\xc5\x1e\x9e", 8); // pause, then a
    CHECK_STR(keys, "+04-04");
    type("\xe0\x1d\xe0\x9d\xe0\x38\xe0\xb8", 8); // the right Ctrl and Alt
    CHECK_STR(keys, "+e4-e4+e6-e6");
    type("\xfa\xfe\x1e\x9e\x7f\xff\x00\x54", 8); // answers, and what is no key
    CHECK_STR(keys, "+04-04");
    kind = TALKS; // never done: the interrupt's handler is
    reads = 0;
    i8042_irq(0, NULL);
    CHECK(reads <= CODES_MAX);
    kind = ABSENT_PORTS; // taken out
    i8042_irq(0, NULL);
    kind = WORKS;
    for (int i = 0; i < 100000; i++) { // anything
        char c = (char)test_rand();
        type(&c, 1);
    }
}

static void polled_where_no_interrupt_comes(void) {
    CHECK(probe_with(WORKS));
    CHECK_EQ(i8042_poll(now_ns), TIME_NEVER);
    no_way = true;
    CHECK(probe_with(WORKS)); // there all the same
    keys[0] = 0;
    say(0x1e);
    CHECK_EQ(i8042_poll(5), 5 + POLLED_NS);
    CHECK_STR(keys, "+04");
    no_way = false;
    for (int k = WORKS; k <= NO_KEYBOARD;
         k++) { // with a keyboard it acknowledges, without one the controller speaks
        CHECK(probe_with(k) && !polled && routed == 1);
        leads_elsewhere = true;
        CHECK(probe_with(k) && polled && routed == 0);
        CHECK_EQ(i8042_poll(5), 5 + POLLED_NS);
        leads_elsewhere = false;
        always_asserted = true; // a level that is never quiet
        CHECK(probe_with(k) && polled && routed == 0);
        always_asserted = false;
        as_if_typed_unknown = true;
        CHECK(probe_with(k) && !polled && routed == 1);
        leads_elsewhere = true;
        CHECK_EQ(probe_with(k) && polled, k == WORKS); // else nobody can tell
        leads_elsewhere = as_if_typed_unknown = false;
    }
}

int main(void) {
    RUN(controllers);
    RUN(scan_codes);
    RUN(polled_where_no_interrupt_comes);
    return test_done();
}
