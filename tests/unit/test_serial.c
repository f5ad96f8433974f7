// test_serial.c -- the serial driver at an invented 16550: what lies in it at the start, a ring that is full,
// a sender that does not stop, interrupts that do not arrive.
#include <stdarg.h>
#include "test.h"
#include "kernel/x86/cpu.h"
#define cpu_in8  fake_in8
#define cpu_out8 fake_out8
static uint8_t fake_in8(uint16_t port);
static void fake_out8(uint16_t port, uint8_t v);
#include "drivers/serial.c"

enum { VECTOR = 0x55, FIFO = 16 };

static uint8_t fifo[FIFO], ier, mcr, lcr, scratch, errors;
static int waiting, slips; // slips: bytes that come in although the port is in loopback, as QEMU's may
static bool present = true, line_leads_here = true, stuck, pending;
static int64_t now_ns, poll_at = TIME_NEVER;
static char got[10000], said[2000];
static size_t got_bytes, room = 4096;
static int dumps;

int64_t clock_now_ns(void) {
    return now_ns;
}
void device_poll_at(int64_t at) {
    if (at < poll_at) poll_at = at;
}
void dump_request(void) {
    dumps++;
}
bool input_put(uint8_t b) {
    if (!room) return false;
    room--;
    got[got_bytes++] = (char)b;
    return true;
}
bool input_push(uint8_t b) {
    CHECK(room > 0); // who asks for room loses nothing
    return input_put(b);
}
size_t input_room(void) {
    return room;
}
bool apic_is_pending(int vector) {
    CHECK_EQ(vector, VECTOR);
    return pending || stuck;
}
void rt_printf(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    size_t n = strlen(said);
    vsnprintf(said + n, sizeof said - n, fmt, args);
    va_end(args);
}

// ---- the port

static void update(void) {
    bool cause = ((ier & IER_RECEIVED) && waiting) || (ier & IER_EMPTY);
    if (cause && line_leads_here && (mcr & MCR_INTERRUPT)) pending = true;
}
static void arrives(uint8_t b) {
    if (waiting == FIFO)
        errors |= LSR_OVERRUN;
    else
        fifo[waiting++] = b;
    update();
}
static uint8_t fake_in8(uint16_t port) {
    if (!present) return 0xff;
    switch (port - COM1) {
    case REG_DATA: {
        uint8_t b = fifo[0];
        CHECK(waiting > 0);
        memmove(fifo, fifo + 1, (size_t)--waiting);
        return b;
    }
    case REG_IIR:
        return IIR_FIFO;
    case REG_LSR: {
        uint8_t v = (uint8_t)(LSR_EMPTY | LSR_IDLE | (waiting ? LSR_READY : 0) | errors);
        errors = 0;
        return v;
    }
    case REG_SCRATCH:
        return scratch;
    }
    return 0;
}
static void fake_out8(uint16_t port, uint8_t v) {
    switch (port - COM1) {
    case REG_DATA:
        if (lcr & LCR_DLAB || mcr != MCR_LOOP) break;
        for (; slips > 0; slips--)
            arrives('s');
        arrives(v);
        break;
    case REG_IER:
        if (!(lcr & LCR_DLAB)) ier = v;
        break;
    case REG_FCR:
        waiting = 0;
        break;
    case REG_LCR:
        lcr = v;
        break;
    case REG_MCR:
        mcr = v;
        break;
    case REG_SCRATCH:
        scratch = v;
        break;
    }
    update();
}

static void fresh(void) {
    waiting = slips = dumps = 0;
    ier = mcr = lcr = errors = 0;
    present = line_leads_here = true;
    stuck = pending = hears = polled = held = false;
    modem = MCR_DTR | MCR_RTS;
    got_bytes = 0;
    memset(got, 0, sizeof got);
    said[0] = 0;
    room = 4096;
    poll_at = TIME_NEVER;
}
static void send(const char *s) {
    for (; *s; s++)
        arrives((uint8_t)*s);
}
static void interrupt(void) {
    pending = false;
    serial_received(VECTOR, NULL);
    update();
}

static void what_was_there_before(void) {
    fresh();
    send("early");
    arrives(KEY_DUMP);
    slips = 2;
    CHECK(serial_probe(NULL));
    CHECK_STR(got, "earlyss");
    CHECK(mcr == (MCR_DTR | MCR_RTS) && waiting == 0 && dumps == 0);
    send("later"); // between the probe and the time when somebody listens
    CHECK(serial_listen(VECTOR) && pending);
    interrupt();
    CHECK_STR(got, "earlysslater");
    fresh();
    present = false;
    CHECK(!serial_probe(NULL));
    CHECK_EQ(got_bytes, 0);
}

static void full_ring(void) {
    fresh();
    CHECK(serial_probe(NULL) && serial_listen(VECTOR));
    room = 3;
    send("abcdefgh");
    interrupt();
    CHECK_STR(got, "abc");
    CHECK(!(mcr & MCR_RTS) && ier == 0 && waiting == 5 && poll_at == now_ns + HELD_NS);
    send("ijk"); // what was on its way
    CHECK(!pending);
    room = RESUME_ROOM - 1; // not worth it yet
    now_ns += HELD_NS;
    CHECK_EQ(serial_poll(now_ns), now_ns + HELD_NS);
    CHECK_STR(got, "abc");
    room = RESUME_ROOM;
    CHECK_EQ(serial_poll(now_ns), TIME_NEVER);
    CHECK_STR(got, "abcdefghijk");
    CHECK((mcr & MCR_RTS) && (mcr & MCR_INTERRUPT) && ier == IER_RECEIVED);
    CHECK_STR(said, "");
}

static void sender_that_does_not_stop(void) {
    fresh();
    CHECK(serial_probe(NULL) && serial_listen(VECTOR));
    send("0123456789abcdefX");
    interrupt();
    CHECK_STR(got, "0123456789abcdef");
    CHECK_EQ(poll_at, now_ns);
    CHECK_EQ(serial_poll(now_ns), TIME_NEVER);
    CHECK_STR(said, "serial: input came faster than it was taken: 1 bytes lost, or more\n");
    said[0] = 0;
    poll_at = TIME_NEVER;
    errors = LSR_OVERRUN;
    CHECK_EQ(serial_put("x", 1), 1); // the writer sees it first, and the port forgets it
    send("y");
    interrupt();
    CHECK_EQ(poll_at, now_ns + LOSSES_TELL_NS);
    CHECK_EQ(serial_poll(now_ns), now_ns + LOSSES_TELL_NS); // not so soon again
    CHECK_STR(said, "");
    now_ns += LOSSES_TELL_NS;
    CHECK_EQ(serial_poll(now_ns), TIME_NEVER);
    CHECK_STR(said, "serial: input came faster than it was taken: 1 bytes lost, or more\n");
}

static void lines_that_lead_elsewhere(void) {
    for (int kind = 0; kind < 3; kind++) {
        fresh();
        CHECK(serial_probe(NULL));
        line_leads_here = kind != 0;
        stuck = kind == 1;
        CHECK(!serial_listen(kind == 2 ? -1 : VECTOR));
        CHECK(!(mcr & MCR_INTERRUPT) && ier == 0);
        send("heard");
        CHECK_EQ(serial_poll(now_ns), now_ns + POLLED_NS);
        CHECK_STR(got, "heard");
    }
}

static void keys(void) {
    fresh();
    CHECK(serial_probe(NULL) && serial_listen(VECTOR));
    send("a");
    arrives(KEY_DUMP);
    send("b");
    interrupt();
    CHECK_STR(got, "ab");
    CHECK_EQ(dumps, 1);
    arrives(0);
    errors = LSR_BREAK;
    interrupt();
    CHECK_EQ(got_bytes, 2);
    present = false; // pulled out
    interrupt();
    CHECK_EQ(serial_put("gone", 4), 4);
}

int main(void) {
    RUN(what_was_there_before);
    RUN(full_ring);
    RUN(sender_that_does_not_stop);
    RUN(lines_that_lead_elsewhere);
    RUN(keys);
    return test_done();
}
