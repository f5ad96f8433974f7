// serial.c -- console on COM1, a 16550: 115200 baud, 8 data bits, no parity, one stop bit; output is
// polled.
//
// put() never waits: it fills the transmit FIFO once when the port says that it is empty, then returns. At
// full speed that is 16 bytes in 1.4 ms; whoever has more comes back. A machine without the port is normal.
//
// Input comes by interrupt and goes to the runtime's ring (rt/input.h), but for one key: Ctrl-T, as in BSD's
// terminals, asks what the machine is doing (kernel/dump.c).
#include "drivers/driver.h"
#include "kernel/dump.h"
#include "kernel/x86/cpu.h"
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
    MCR_DTR_RTS = 0x03,
    MCR_INTERRUPT = 0x08, // lets the port's interrupt line out
    IER_RECEIVED = 0x01,
    MCR_LOOP = 0x1e,
    LSR_READY = 0x01,  // received byte
    LSR_EMPTY = 0x20,  // transmit FIFO
    LSR_IDLE = 0x40,   // transmit FIFO and shift register
    LSR_ABSENT = 0xff, // no device on the bus
    DIVISOR_115200 = 1,
    POLLS_MAX = 100000, // of about 1 us each: bounds every wait below
};

static int fifo_bytes; // what put() may write when LSR_EMPTY is set
static bool cr_sent;   // the '\r' before the current '\n' is out

static uint8_t reg_read(int reg) {
    return cpu_in8((uint16_t)(COM1 + reg));
}
static void reg_write(int reg, uint8_t v) {
    cpu_out8((uint16_t)(COM1 + reg), v);
}

static bool wait_lsr(uint8_t bit) {
    for (int i = 0; i < POLLS_MAX; i++) {
        uint8_t lsr = reg_read(REG_LSR);
        if (lsr == LSR_ABSENT) return false;
        if (lsr & bit) return true;
    }
    return false;
}

static bool scratch_holds(uint8_t v) {
    reg_write(REG_SCRATCH, v);
    return reg_read(REG_SCRATCH) == v;
}

// A byte sent in loopback mode comes back.
static bool loopback_works(void) {
    reg_write(REG_MCR, MCR_LOOP);
    for (int i = 0; i < 16 && (reg_read(REG_LSR) & LSR_READY); i++)
        reg_read(REG_DATA); // stale input
    reg_write(REG_DATA, 0xae);
    bool ok = wait_lsr(LSR_READY) && reg_read(REG_DATA) == 0xae;
    reg_write(REG_MCR, MCR_DTR_RTS);
    return ok;
}

static bool serial_probe(const BootInfo *bi) {
    if (!scratch_holds(0x5a) || !scratch_holds(0xa5)) return false;
    wait_lsr(LSR_IDLE); // firmware's last words
    reg_write(REG_IER, 0);
    reg_write(REG_LCR, LCR_DLAB);
    reg_write(REG_DIVISOR_LO, DIVISOR_115200);
    reg_write(REG_DIVISOR_HI, 0);
    reg_write(REG_LCR, LCR_8N1);
    reg_write(REG_FCR, FCR_ENABLE_CLEAR);
    if (!loopback_works()) return false;
    fifo_bytes = (reg_read(REG_IIR) & IIR_FIFO) == IIR_FIFO ? 16 : 1;
    return true;
}

static size_t serial_put(const char *s, size_t n) {
    uint8_t lsr = reg_read(REG_LSR);
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

static void serial_received(int vector, void *arg) {
    bool dump = false;
    for (int i = 0; i < 64; i++) {
        uint8_t lsr = reg_read(REG_LSR);
        if (lsr == LSR_ABSENT || !(lsr & LSR_READY)) break;
        uint8_t b = reg_read(REG_DATA);
        if (b == KEY_DUMP)
            dump = true;
        else
            input_push(b);
    }
    if (dump) dump_request();
}

static void serial_listen(void) {
    for (int i = 0; i < 16 && (reg_read(REG_LSR) & LSR_READY); i++)
        reg_read(REG_DATA); // typed before anybody listened
    reg_write(REG_MCR, MCR_DTR_RTS | MCR_INTERRUPT);
    reg_write(REG_IER, IER_RECEIVED);
}

static const Console serial_console = {
    .put = serial_put, .received = serial_received, .isa_irq = COM1_IRQ, .listen = serial_listen};
const Driver serial_driver = {
    .name = "serial", .stage = DRIVER_EARLY, .probe = serial_probe, .console = &serial_console};
