// xhci.c -- a USB host controller: its start, its rings, its events.
//
// Only keyboards are used, and hubs on the way to them (xhci_port.c), so a controller gets little: one
// command ring with one command under way, one event ring, room for 16 devices; all of it allocated at the
// start, because what comes later comes in interrupts.
//
// Every wait is bounded: those here by WAIT_NS at boot, all others by a deadline that the timer looks at
// (xhci_next). A controller that does not do what it must is given up by a message, never waited for. Without
// a working MSI it is looked at every POLL_NS; whether it works is seen at the start, by a command that does
// nothing: a board that remaps interrupts may swallow it.
//
// Memory that the controller reads and writes is plain RAM: on this architecture it sees the caches. What it
// says is not trusted: slots, ports and addresses are compared with what is known.
//
// Source: eXtensible Host Controller Interface, revision 1.2: chapters 4.2 (start), 4.9 (rings), 5
// (registers), 7.1 (legacy support).
#include "drivers/xhci.h"
#include "drivers/driver.h"
#include "kernel/x86/cpu.h"

enum { CLASS_XHCI = 0x0c0330, CONTROLLERS_MAX = 16, SCRATCH_MAX = PAGE_SIZE / 8 };
enum { // capability registers, in words
    CAP_LENGTH = 0,
    CAP_PARAMS1 = 1,
    CAP_PARAMS2 = 2,
    CAP_HCC1 = 4,
    CAP_DOORBELLS = 5,
    CAP_RUNTIME = 6,
};
enum { // operational registers, in words
    OP_COMMAND = 0,
    OP_STATUS = 1,
    OP_PAGE_SIZE = 2,
    OP_COMMAND_RING = 6,
    OP_SLOTS = 12,
    OP_CONFIG = 14,
    OP_PORTS = 0x400 / 4,
};
enum { // interrupter 0, in words from the runtime registers
    IR_MANAGE = 0x20 / 4,
    IR_RATE = 0x24 / 4,
    IR_TABLE_SIZE = 0x28 / 4,
    IR_TABLE = 0x30 / 4,
    IR_DEQUEUE = 0x38 / 4,
};
enum { COMMAND_RUN = 1, COMMAND_RESET = 2, COMMAND_INTERRUPTS = 4 };
enum {
    STATUS_HALTED = 1,
    STATUS_SYSTEM_ERROR = 4,
    STATUS_EVENT = 8,
    STATUS_NOT_READY = 1 << 11,
    STATUS_ERROR = 1 << 12
};
enum { LEGACY_CAP = 1, LEGACY_BIOS = 1 << 16, LEGACY_OURS = 1 << 24, CAPS_MAX = 64 };
enum { EVENT_TRANSFER = 32, EVENT_COMMAND = 33, EVENT_PORT = 34, DEQUEUE_BUSY = 8 };
enum {
    WAIT_NS = 1000000000,
    ARRIVAL_NS = 10000000, // of an interrupt
    AFTER_RESET_NS =
        1000000, // Intel's controllers hang the machine when they are looked at sooner (as Linux does)
    POLL_NS = 10000000,
    DEBOUNCE_NS = 100000000,
    INTERRUPT_RATE = 4000 /* of 250 ns */
};
#define GONE UINT32_MAX // what registers show when the device is no longer there

static Xhci *controller[CONTROLLERS_MAX];
static int controllers;

// ---- rings

static void give(Trb *t, uint64_t param, uint32_t status, uint32_t control) {
    t->param = param;
    t->status = status;
    atomic_thread_fence(memory_order_release); // the controller reads control first
    t->control = control;
}

uint64_t ring_put(Ring *r, uint64_t param, uint32_t status, uint32_t control) {
    uint64_t phys = r->phys + r->at * sizeof(Trb);
    give(&r->trb[r->at], param, status, control | r->cycle);
    if (++r->at == r->n - 1) {
        give(&r->trb[r->at], r->phys, 0,
             TRB_LINK << 10 | 2 | r->cycle); // 2: the meaning of the lowest bit turns
        r->at = 0;
        r->cycle ^= 1;
    }
    return phys;
}

void ring_clear(Ring *r) {
    for (uint32_t i = 0; i < r->n; i++)
        give(&r->trb[i], 0, 0, 0);
    r->at = 0;
    r->cycle = 1;
}

static void write64(volatile uint32_t *reg, uint64_t v) {
    reg[0] = (uint32_t)v;
    reg[1] = (uint32_t)(v >> 32);
}

void xhci_ring(Xhci *x, unsigned slot, unsigned target) {
    atomic_thread_fence(memory_order_seq_cst);
    x->door[slot] = target;
}

void xhci_command(Xhci *x, uint64_t param, uint32_t control) {
    x->command_sent = ring_put(&x->command, param, 0, control);
    xhci_ring(x, 0, 0);
}

volatile uint32_t *xhci_portsc(Xhci *x, unsigned port) {
    return &x->op[OP_PORTS + 4 * (port - 1)];
}

void xhci_die(Xhci *x, const char *why) {
    if (x->dead) return;
    x->dead = true;
    pci_say(x->pci->at, why);
    if (x->op[OP_STATUS] != GONE) x->op[OP_COMMAND] = 0;
}

// ---- events

static void take_event(Xhci *x, const Trb *t) {
    uint32_t control = t->control, code = t->status >> 24, slot = control >> 24;
    uint64_t param = t->param;
    switch (control >> 10 & 0x3f) {
    case EVENT_TRANSFER:
        xhci_transfer_done(x, slot, control >> 16 & 31, code, param);
        break;
    case EVENT_COMMAND:
        if (param != x->command_sent) break; // none of ours
        x->command_sent = 0;
        xhci_command_done(x, code, slot);
        break;
    case EVENT_PORT:
        if ((param >> 24 & 0xff) >= 1 && (param >> 24 & 0xff) <= x->ports)
            xhci_port_changed(x, param >> 24 & 0xff);
        break;
    default: // overruns and the like: the deadlines see to it
        break;
    }
}

// At most one turn of the ring: what comes meanwhile interrupts again.
static void take_events(Xhci *x) {
    for (int i = 0; i < RING_PAGE && !x->dead; i++) {
        const Trb *t = &x->event[x->event_at];
        if ((t->control & 1) != x->event_cycle) break;
        atomic_thread_fence(memory_order_acquire); // the rest of it is there
        take_event(x, t);
        if (++x->event_at == RING_PAGE) {
            x->event_at = 0;
            x->event_cycle ^= 1;
        }
    }
    write64(&x->run[IR_DEQUEUE], (x->event_phys + x->event_at * sizeof(Trb)) | DEQUEUE_BUSY);
}

static void serve(Xhci *x) {
    if (x->dead) return;
    uint32_t status = x->op[OP_STATUS];
    if (status == GONE || (status & (STATUS_SYSTEM_ERROR | STATUS_ERROR))) {
        xhci_die(x, status == GONE ? "the USB controller is gone"
                                   : "the USB controller reports an error; its keyboards are lost");
        return;
    }
    x->op[OP_STATUS] = STATUS_EVENT; // before the events are looked at: one that comes now interrupts again
    x->run[IR_MANAGE] = 3;
    take_events(x);
    if (!x->dead) xhci_work(x, clock_now_ns());
    int64_t next = xhci_next(x);
    if (x->polled && clock_now_ns() + POLL_NS < next) next = clock_now_ns() + POLL_NS;
    if (!x->dead) device_poll_at(next);
}

static void xhci_irq(int vector, void *x) {
    serve(x);
}

static int64_t xhci_poll(int64_t now) {
    for (int i = 0; i < controllers; i++)
        serve(controller[i]);
    return TIME_NEVER; // serve has said when
}

// ---- start

static bool wait_for(volatile uint32_t *reg, uint32_t mask, uint32_t value) {
    int64_t end = clock_now_ns() + WAIT_NS;
    do {
        uint32_t v = *reg;
        if (v == GONE) return false;
        if ((v & mask) == value) return true;
        cpu_pause();
    } while (clock_now_ns() < end);
    return false;
}

static void pass_time(int64_t ns) {
    for (int64_t end = clock_now_ns() + ns; clock_now_ns() < end;)
        cpu_pause();
}

// Firmware that drives the controller itself (in system management mode) is asked to let go, then told.
static void take_from_firmware(volatile uint32_t *cap, uint64_t bytes) {
    uint64_t at = (cap[CAP_HCC1] >> 16) * 4ull;
    for (int i = 0; at && at + 8 <= bytes && i < CAPS_MAX; i++) {
        volatile uint32_t *c = cap + at / 4;
        uint32_t v = *c;
        if ((v & 0xff) == LEGACY_CAP) {
            *c = v | LEGACY_OURS;
            if (!wait_for(c, LEGACY_BIOS, 0)) *c = (*c & ~(uint32_t)LEGACY_BIOS) | LEGACY_OURS;
            c[1] = (c[1] & 0xe1feeu) | 0xe0000000u; // none of its interrupts; those under way are done
            return;
        }
        uint64_t next = (v >> 8 & 0xff) * 4ull;
        at = next ? at + next : 0;
    }
}

static bool reset(Xhci *x) {
    x->op[OP_COMMAND] &= ~(uint32_t)(COMMAND_RUN | COMMAND_INTERRUPTS);
    if (!wait_for(&x->op[OP_STATUS], STATUS_HALTED, STATUS_HALTED)) return false;
    x->op[OP_COMMAND] = COMMAND_RESET;
    pass_time(AFTER_RESET_NS);
    return wait_for(&x->op[OP_COMMAND], COMMAND_RESET, 0) && wait_for(&x->op[OP_STATUS], STATUS_NOT_READY, 0);
}

// A zeroed page that the controller can reach, at *phys; NULL: none.
static void *page(const Xhci *x, bool wide, uint64_t *phys) {
    *phys = frame_alloc(1);
    if (!*phys || (!wide && *phys >> 32)) return NULL;
    return phys_to_virt(*phys);
}

static bool make_ring(Ring *r, void *memory, uint64_t phys, uint32_t n) {
    *r = (Ring){.trb = memory, .phys = phys, .n = n, .cycle = 1};
    return memory != NULL;
}

static bool make_device(Xhci *x, UsbDevice *d, bool wide) {
    uint64_t rings;
    d->context = page(x, wide, &d->context_phys);
    d->input = page(x, wide, &d->input_phys);
    uint8_t *memory = page(x, wide, &rings);
    if (!d->context || !d->input || !memory) return false;
    enum { RING_BYTES = RING_SMALL * sizeof(Trb) };
    make_ring(&d->control, memory, rings, RING_SMALL);
    make_ring(&d->in, memory + RING_BYTES, rings + RING_BYTES, RING_SMALL);
    d->buffer = memory + 2 * RING_BYTES; // the rest of the page: 3 KB
    d->buffer_phys = rings + 2 * RING_BYTES;
    return true;
}

// Memory that the controller wants for itself.
static bool make_scratch(Xhci *x, uint32_t params2, bool wide) {
    uint32_t n = (params2 >> 21 & 31) << 5 | params2 >> 27;
    uint64_t phys;
    if (n == 0) return true;
    uint64_t *list = n <= SCRATCH_MAX ? page(x, wide, &phys) : NULL;
    if (!list) return false;
    x->slots[0] = phys;
    for (uint32_t i = 0; i < n; i++)
        if (!page(x, wide, &list[i])) return false;
    return true;
}

static bool make_memory(Xhci *x, volatile uint32_t *cap) {
    bool wide = cap[CAP_HCC1] & 1;
    uint64_t phys, table_phys;
    x->slots = page(x, wide, &phys);
    if (!x->slots || !make_scratch(x, cap[CAP_PARAMS2], wide)) return false;
    write64(&x->op[OP_SLOTS], phys);
    Trb *commands = page(x, wide, &phys);
    if (!make_ring(&x->command, commands, phys, RING_PAGE)) return false;
    write64(&x->op[OP_COMMAND_RING], phys | 1);
    x->event = page(x, wide, &x->event_phys);
    uint64_t *table = page(x, wide, &table_phys); // one segment: address, entries
    if (!x->event || !table) return false;
    x->event_cycle = 1;
    table[0] = x->event_phys;
    table[1] = RING_PAGE;
    x->run[IR_TABLE_SIZE] = 1;
    write64(&x->run[IR_DEQUEUE], x->event_phys | DEQUEUE_BUSY);
    write64(&x->run[IR_TABLE], table_phys);
    for (int i = 0; i < XHCI_DEVICES; i++)
        if (!make_device(x, &x->device[i], wide)) return false;
    return true;
}

// Carries out a command that does nothing. vector -1: no interrupts. False: no event comes of it.
static bool answers(Xhci *x, int vector) {
    const Trb *event = x->event;
    int64_t end = clock_now_ns() + WAIT_NS;
    ring_put(&x->command, 0, 0, TRB_NOTHING << 10);
    xhci_ring(x, 0, 0);
    while (!(event->control & 1)) {
        if (clock_now_ns() >= end) return false;
        cpu_pause();
    }
    for (end = clock_now_ns() + ARRIVAL_NS; vector >= 0; cpu_pause()) {
        if (apic_is_pending(vector)) return true;
        if (clock_now_ns() >= end) break;
    }
    pci_say(x->pci->at, vector < 0 ? "no message interrupts: the USB controller is polled"
                                   : "its interrupts do not arrive: the USB controller is polled");
    x->polled = true;
    return true;
}

// What is wrong; NULL: it runs.
static const char *start(Xhci *x) {
    uint64_t bytes;
    volatile uint32_t *cap = pci_map(x->pci, 0, 0x1000, &bytes);
    if (!cap) return "the USB controller has no registers";
    uint64_t op = cap[CAP_LENGTH] & 0xff, run = cap[CAP_RUNTIME] & ~31u, door = cap[CAP_DOORBELLS] & ~3u;
    uint32_t slots = cap[CAP_PARAMS1] & 0xff;
    x->ports = cap[CAP_PARAMS1] >> 24;
    if (cap[CAP_LENGTH] == GONE || op < 0x20 || op % 4 || op + 0x400 + 16 * x->ports > bytes ||
        run + 0x40 > bytes || door + 4 * (slots + 1) > bytes || !slots || !x->ports)
        return "the USB controller's registers make no sense";
    x->op = cap + op / 4;
    x->run = cap + run / 4;
    x->door = cap + door / 4;
    x->context_bytes = cap[CAP_HCC1] & 4 ? 64 : 32;
    take_from_firmware(cap, bytes);
    if (!reset(x)) return "the USB controller cannot be reset";
    if (!(x->op[OP_PAGE_SIZE] & 1)) return "the USB controller cannot use pages of 4 KB";
    if (!make_memory(x, cap)) return "no memory for the USB controller";
    x->op[OP_CONFIG] = slots < XHCI_DEVICES ? slots : XHCI_DEVICES;
    int vector = -1;
    if (!pci_irq(x->pci, xhci_irq, x, &vector)) vector = -1;
    x->run[IR_RATE] = INTERRUPT_RATE;
    x->run[IR_MANAGE] = 3;
    x->op[OP_COMMAND] = COMMAND_RUN | COMMAND_INTERRUPTS;
    if (!wait_for(&x->op[OP_STATUS], STATUS_HALTED, 0)) return "the USB controller does not start";
    if (!answers(x, vector)) return "the USB controller does not answer";
    for (unsigned port = 1; port <= x->ports; port++) {
        volatile uint32_t *sc = xhci_portsc(x, port);
        if (!(*sc & PORT_POWER)) *sc = PORT_POWER;
        x->pending[port] = 1;
    }
    x->settle_at = clock_now_ns() + DEBOUNCE_NS;
    return NULL;
}

static bool xhci_probe(const BootInfo *bi) {
    for (const PciDevice *d = NULL; (d = pci_next(d, CLASS_XHCI));) {
        if (controllers == CONTROLLERS_MAX) {
            pci_say(d->at, "a USB controller too many: not used");
            continue;
        }
        uint64_t phys = frame_alloc((sizeof(Xhci) + PAGE_SIZE - 1) / PAGE_SIZE);
        if (!phys) break;
        Xhci *x = phys_to_virt(phys);
        x->pci = d;
        const char *wrong = start(x);
        if (wrong) {
            pci_say(d->at, wrong);
            continue;
        }
        controller[controllers++] = x;
        device_poll_at(x->settle_at);
    }
    return controllers > 0;
}

const Driver xhci_driver = {
    .name = "USB", .stage = DRIVER_DEVICE, .probe = xhci_probe, .input = true, .poll = xhci_poll};
