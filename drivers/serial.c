// serial.c -- console on COM1, a 16550: 115200 baud, 8 data bits, no parity, one stop bit; output is
// polled.
//
// put() never waits: it fills the transmit FIFO once when the port says that it is empty, then returns. At
// full speed that is 16 bytes in 1.4 ms; whoever has more comes back. A machine without the port is normal.
//
// Input comes by interrupt and goes to the runtime's ring (rt/input.h), but for one key: Ctrl-T, as in BSD's
// terminals, asks what the machine is doing (kernel/dump.c). An interrupt line that the tables send
// elsewhere would leave the console deaf; so the port is made to interrupt once, and if that does not arrive
// the timer looks instead.
//
// Nothing is lost silently. What lies in the FIFO at the start is kept. When the ring is full the rest stays
// in the FIFO and the sender is asked to stop (RTS); the timer looks when the reader has made room. A sender
// that does not stop overruns the FIFO: the port tells that it happened, not how often; it is counted and
// said, once a second at most.
//
// Locks: none. put() runs on any core under the console's lock; all else on the boot core with interrupts
// off. Both read the line status, which forgets an overrun when it is read: so both count it (atomic).
#include "drivers/driver.h"
#include "drivers/losses.h"
#include "kernel/dump.h"
#include "kernel/x86/cpu.h"
#include "rt/atomic.h"
#include "rt/input.h"

enum { COM1 = 0x3f8, COM1_IRQ = 4, KEY_DUMP = 0x14 };
enum { // offsets from the base
    REG_DATA = 0,
    REG_IER = 1,
    REG_DIVISOR_LO = 0, // with LCR_DLAB
    REG_DIVISOR_HI = 1,
    REG_IIR = 2, // read
    REG_FCR = 2, // write
    REG_LCR = 3,
    REG_MCR = 4,
    REG_LSR = 5,
    REG_SCRATCH = 7,
};
enum {
    LCR_8N1 = 0x03,
    LCR_DLAB = 0x80,
    FCR_ENABLE_CLEAR = 0xc7,
    IIR_FIFO = 0xc0,
    MCR_DTR = 0x01,
    MCR_RTS = 0x02,       // the other side may send
    MCR_INTERRUPT = 0x08, // lets the port's interrupt line out
    IER_RECEIVED = 0x01,
    IER_EMPTY = 0x02,
    MCR_LOOP = 0x1e,
    LSR_READY = 0x01,   // received byte
    LSR_OVERRUN = 0x02, // at least one byte was lost; reading forgets it
    LSR_BREAK = 0x10,   // the byte is none
    LSR_EMPTY = 0x20,   // transmit FIFO
    LSR_IDLE = 0x40,    // transmit FIFO and shift register
    LSR_ABSENT = 0xff,  // no device on the bus
    DIVISOR_115200 = 1,
    POLLS_MAX = 100000,       // of about 1 us each: bounds every wait below
    ARRIVAL_POLLS_MAX = 2000, // for an interrupt to arrive
    EARLY_BYTES = 64,         // more than any FIFO
    PORTION = 64,             // bytes taken at once
    RESUME_ROOM = 2048,       // of the ring's 4096
};
enum { POLLED_NS = 1000000, HELD_NS = 10000000 };

static int fifo_bytes; // what put() may write when LSR_EMPTY is set
static bool cr_sent;   // the '\r' before the current '\n' is out

static uint8_t modem = MCR_DTR | MCR_RTS;
static bool hears;  // serial_listen was called
static bool polled; // no interrupt arrives
static bool held;   // the ring was full: nothing is taken
static _Atomic uint64_t overruns;
static Losses losses;

static uint8_t reg_read(int reg) {
    return cpu_in8((uint16_t)(COM1 + reg));
}
static void reg_write(int reg, uint8_t v) {
    cpu_out8((uint16_t)(COM1 + reg), v);
}

static uint8_t status(void) {
    uint8_t lsr = reg_read(REG_LSR);
    if (lsr != LSR_ABSENT && (lsr & LSR_OVERRUN)) fetch_add(&overruns, 1);
    return lsr;
}

static bool wait_lsr(uint8_t bit) {
    for (int i = 0; i < POLLS_MAX; i++) {
        uint8_t lsr = status();
        if (lsr == LSR_ABSENT) return false;
        if (lsr & bit) return true;
    }
    return false;
}

static bool scratch_holds(uint8_t v) {
    reg_write(REG_SCRATCH, v);
    return reg_read(REG_SCRATCH) == v;
}

// What the port had received before it was ours.
typedef struct Early {
    uint8_t byte[EARLY_BYTES];
    int n;
} Early;

static void keep(Early *early, uint8_t b) {
    if (early->n < EARLY_BYTES) early->byte[early->n++] = b;
}

// A byte sent in loopback mode comes back, behind those that had come before.
static bool loopback_works(Early *early) {
    enum { SENT = 0xae };
    reg_write(REG_DATA, SENT);
    for (int i = 0; i < EARLY_BYTES && wait_lsr(LSR_READY); i++) {
        uint8_t b = reg_read(REG_DATA);
        if (b == SENT) return true;
        keep(early, b);
    }
    return false;
}

static bool serial_probe(const BootInfo *bi) {
    Early early = {.n = 0};
    if (!scratch_holds(0x5a) || !scratch_holds(0xa5)) return false;
    wait_lsr(LSR_IDLE); // firmware's last words
    reg_write(REG_IER, 0);
    reg_write(REG_MCR, MCR_LOOP); // nothing comes in from outside: the FIFO may be emptied and reset
    for (int i = 0; i < EARLY_BYTES && (status() & LSR_READY); i++)
        keep(&early, reg_read(REG_DATA));
    reg_write(REG_LCR, LCR_DLAB);
    reg_write(REG_DIVISOR_LO, DIVISOR_115200);
    reg_write(REG_DIVISOR_HI, 0);
    reg_write(REG_LCR, LCR_8N1);
    reg_write(REG_FCR, FCR_ENABLE_CLEAR);
    bool there = loopback_works(&early);
    reg_write(REG_MCR, modem);
    if (!there) return false;
    for (int i = 0; i < early.n; i++)
        if (early.byte[i] != KEY_DUMP) input_put(early.byte[i]);
    fifo_bytes = (reg_read(REG_IIR) & IIR_FIFO) == IIR_FIFO ? 16 : 1;
    return true;
}

static size_t serial_put(const char *s, size_t n) {
    uint8_t lsr = status();
    if (lsr == LSR_ABSENT) return n; // unplugged: nobody will ever read it
    if (!(lsr & LSR_EMPTY)) return 0;
    size_t done = 0;
    for (int room = fifo_bytes; room > 0 && done < n; room--) {
        if (s[done] == '\n' && !cr_sent) {
            reg_write(REG_DATA, '\r');
            cr_sent = true;
        } else {
            reg_write(REG_DATA, (uint8_t)s[done++]);
            cr_sent = false;
        }
    }
    return done;
}

// ---- input

static void set_modem(uint8_t bits) {
    modem = bits;
    reg_write(REG_MCR, modem);
}

static void hold_sender(void) {
    held = true;
    reg_write(REG_IER, 0);
    set_modem(modem & (uint8_t)~MCR_RTS);
    device_poll_at(clock_now_ns() + HELD_NS);
}

static void release_sender(void) {
    held = false;
    set_modem(modem | MCR_RTS);
    if (!polled) reg_write(REG_IER, IER_RECEIVED);
}

static void receive(void) {
    bool dump = false;
    int n = 0;
    for (; n < PORTION && !held; n++) {
        uint8_t lsr = status();
        if (lsr == LSR_ABSENT || !(lsr & LSR_READY)) break;
        if (input_room() == 0) {
            hold_sender();
            break;
        }
        uint8_t b = reg_read(REG_DATA);
        if (lsr & LSR_BREAK) continue;
        if (b == KEY_DUMP)
            dump = true;
        else
            input_push(b);
    }
    if (n == PORTION)
        device_poll_at(clock_now_ns()); // the line gives another edge only when it has been quiet
    if (dump) dump_request();
}

static void serial_received(int vector, void *arg) {
    receive();
    int64_t now = clock_now_ns();
    if (load_relaxed(&overruns) != losses.told) device_poll_at(now > losses.tell_at ? now : losses.tell_at);
}

static int64_t serial_poll(int64_t now) {
    if (!hears) return TIME_NEVER;
    if (held && input_room() >= RESUME_ROOM) release_sender();
    receive();
    int64_t told = losses_tell(&losses, load_relaxed(&overruns), now,
                               "serial: input came faster than it was taken: ", ", or more");
    int64_t next = held ? now + HELD_NS : polled ? now + POLLED_NS : TIME_NEVER;
    return told < next ? told : next;
}

// The port's interrupt arrives when it has a cause, and not without.
static bool interrupt_arrives(int vector) {
    if (!wait_lsr(LSR_EMPTY) || apic_is_pending(vector)) return false;
    reg_write(REG_IER, IER_EMPTY);
    bool arrived = false;
    for (int i = 0; i < ARRIVAL_POLLS_MAX && !arrived; i++) {
        arrived = apic_is_pending(vector);
        if (!arrived) status(); // a microsecond
    }
    reg_write(REG_IER, 0);
    return arrived;
}

static bool serial_listen(int vector) {
    hears = true;
    set_modem(modem | MCR_INTERRUPT);
    polled = vector < 0 || !interrupt_arrives(vector);
    if (polled)
        set_modem(modem & (uint8_t)~MCR_INTERRUPT);
    else
        reg_write(REG_IER, IER_RECEIVED);
    return !polled;
}

static const Console serial_console = {
    .put = serial_put, .received = serial_received, .isa_irq = COM1_IRQ, .listen = serial_listen};
const Driver serial_driver = {.name = "serial",
                              .stage = DRIVER_EARLY,
                              .probe = serial_probe,
                              .console = &serial_console,
                              .poll = serial_poll};
