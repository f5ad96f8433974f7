// test_xhci.c -- a USB controller's start and rings (drivers/xhci.c) over invented registers: a good one,
// firmware that lets go or does not, registers that make no sense, one that does not halt, reset or run, one
// that is gone; the rings' turns.
#include "test.h"
#include "drivers/xhci.c"

enum { REG_BYTES = 0x4000, OP = 0x40, RUN_AT = 0x1000, DOORS = 0x2000, LEGACY_AT = 0x3000 };
static uint32_t *regs; // exactly as long as the register block: the address sanitizer watches
static bool halts, resets, runs, answers_commands, lets_go, has_msi, msi_arrives, pending;
static int64_t now_ns;
static void *page_list[1000];
static int pages, pages_max, changed_ports, transfers, command_ends;
static unsigned changed_port;
static PciDevice device;

static uint32_t *op(unsigned word) {
    return &regs[OP / 4 + word];
}

static uint64_t read64(const uint32_t *reg) {
    return reg[0] | (uint64_t)reg[1] << 32;
}

// The first command of all, which does nothing, has its event and its interrupt.
static void first_command(void) {
    const Trb *command = (const Trb *)(read64(op(OP_COMMAND_RING)) & ~63ull);
    uint64_t *table = (uint64_t *)read64(&regs[RUN_AT / 4 + IR_TABLE]);
    if (!command || !table || command->control != (TRB_NOTHING << 10 | 1)) return;
    Trb *event = (Trb *)table[0];
    if (event->control) return;
    *event = (Trb){(uint64_t)command, 1u << 24, EVENT_COMMAND << 10 | 1};
    pending = has_msi && msi_arrives;
}

// The hardware's share: it does what it does while somebody looks at the clock.
static void hardware(void) {
    uint32_t *command = op(OP_COMMAND), *status = op(OP_STATUS);
    if (halts && !(*command & COMMAND_RUN)) *status |= STATUS_HALTED;
    if (runs && (*command & COMMAND_RUN)) *status &= ~(uint32_t)STATUS_HALTED;
    if (resets && (*command & COMMAND_RESET)) *command = 0;
    if (answers_commands && (*command & COMMAND_RUN) && !(*status & STATUS_HALTED)) first_command();
    if (lets_go && (regs[LEGACY_AT / 4] & LEGACY_OURS)) regs[LEGACY_AT / 4] &= ~(uint32_t)LEGACY_BIOS;
}
int64_t clock_now_ns(void) {
    hardware();
    return now_ns += 10000;
}
void device_poll_at(int64_t deadline) {}
void rt_printf(const char *fmt, ...) {}
uint64_t frame_alloc(size_t n) {
    CHECK_EQ(n, 1);
    if (pages == pages_max) return 0;
    void *p = page_list[pages++] = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    memset(p, 0, PAGE_SIZE);
    return (uint64_t)(uintptr_t)p;
}
void *phys_to_virt(uint64_t phys) {
    return (void *)(uintptr_t)phys;
}
const PciDevice *pci_next(const PciDevice *after, uint32_t class_code) {
    return NULL;
}
volatile void *pci_map(const PciDevice *d, unsigned bar, size_t least, uint64_t *bytes) {
    *bytes = REG_BYTES;
    return regs;
}
bool apic_is_pending(int vector) {
    CHECK_EQ(vector, 0x51);
    return pending;
}
const char *pci_irq(const PciDevice *d, IrqHandler fn, void *arg, int *vector) {
    *vector = 0x51;
    return has_msi ? "MSI" : NULL;
}
void pci_say(PciAddress at, const char *text) {}
void xhci_port_changed(Xhci *x, unsigned port) {
    changed_ports++;
    changed_port = port;
}
void xhci_command_done(Xhci *x, unsigned code, unsigned slot) {
    command_ends++;
}
void xhci_transfer_done(Xhci *x, unsigned slot, unsigned endpoint, unsigned code, uint64_t trb) {
    transfers++;
}
void xhci_work(Xhci *x, int64_t now) {}
int64_t xhci_next(const Xhci *x) {
    return TIME_NEVER;
}

static Xhci *fresh(void) {
    static Xhci x;
    while (pages > 0)
        free(page_list[--pages]);
    free(regs);
    regs = malloc(REG_BYTES);
    memset(regs, 0, REG_BYTES);
    regs[CAP_LENGTH] = 0x01100000 | OP;
    regs[CAP_PARAMS1] = 4u << 24 | 1 << 8 | 32;
    regs[CAP_PARAMS2] = 3u << 27; // three pages of scratch memory
    regs[CAP_HCC1] = (LEGACY_AT / 4) << 16 | 1;
    regs[CAP_DOORBELLS] = DOORS;
    regs[CAP_RUNTIME] = RUN_AT;
    regs[LEGACY_AT / 4] = LEGACY_CAP | LEGACY_BIOS;
    regs[LEGACY_AT / 4 + 1] = 0x0000e1ff; // its interrupts in system management mode
    *op(OP_PAGE_SIZE) = 1;
    *op(OP_STATUS) = 0;
    *op(OP_COMMAND) = COMMAND_RUN;
    halts = resets = runs = answers_commands = lets_go = has_msi = msi_arrives = true;
    pending = false;
    pages_max = 1000;
    changed_ports = transfers = command_ends = 0;
    x = (Xhci){.pci = &device};
    return &x;
}
static void check_refused(Xhci *x, const char *why) {
    int64_t begin = now_ns;
    const char *got = start(x);
    CHECK_STR(got ? got : "it runs", why);
    CHECK(now_ns - begin < 4ll * WAIT_NS);
}

static void good(void) {
    Xhci *x = fresh();
    check_refused(x, "it runs");
    CHECK_EQ(regs[LEGACY_AT / 4] & LEGACY_BIOS, 0);
    CHECK_EQ(regs[LEGACY_AT / 4 + 1], 0xe00001ee); // SMIs off, the reserved bits kept
    CHECK_EQ(*op(OP_COMMAND), COMMAND_RUN | COMMAND_INTERRUPTS);
    CHECK_EQ(*op(OP_CONFIG), XHCI_DEVICES);
    CHECK(!x->polled);
    CHECK_EQ(x->ports, 4);
    CHECK(x->slots[0]);
    for (int i = 0; i < 3; i++)
        CHECK(((uint64_t *)phys_to_virt(x->slots[0]))[i]);
    for (unsigned port = 1; port <= 4; port++)
        CHECK(x->pending[port] && (*xhci_portsc(x, port) & PORT_POWER));
    x = fresh();
    has_msi = false;
    check_refused(x, "it runs");
    CHECK(x->polled);
    x = fresh();
    msi_arrives = false;
    check_refused(x, "it runs");
    CHECK(x->polled);
}

static void firmware(void) {
    Xhci *x = fresh();
    lets_go = false; // it is told, after a second
    check_refused(x, "it runs");
    CHECK_EQ(regs[LEGACY_AT / 4] & (LEGACY_BIOS | LEGACY_OURS), LEGACY_OURS);
    x = fresh();
    regs[LEGACY_AT / 4] = 0x0102; // another capability, and on it goes, out of the block
    for (unsigned at = LEGACY_AT / 4 + 1; at < REG_BYTES / 4; at++)
        regs[at] = 0x0102;
    check_refused(x, "it runs");
    x = fresh();
    regs[CAP_HCC1] = 0xffff0001; // outside
    check_refused(x, "it runs");
}

static void nonsense(void) {
    static const struct {
        unsigned word;
        uint32_t value;
    } broken[] = {
        {CAP_LENGTH, UINT32_MAX},    {CAP_LENGTH, 0x01100010},
        {CAP_LENGTH, 0x01100041},    {CAP_PARAMS1, 4u << 24},
        {CAP_PARAMS1, 32},           {CAP_RUNTIME, REG_BYTES - 32},
        {CAP_RUNTIME, 0xffffffe0},   {CAP_DOORBELLS, REG_BYTES - 4},
        {CAP_DOORBELLS, 0xfffffffc},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        Xhci *x = fresh();
        regs[broken[i].word] = broken[i].value;
        check_refused(x, "the USB controller's registers make no sense");
    }
    Xhci *x = fresh();
    regs[CAP_PARAMS2] = 31u << 21 | 31u << 27; // more scratch memory than a page lists
    check_refused(x, "no memory for the USB controller");
    x = fresh();
    *op(OP_PAGE_SIZE) = 2;
    check_refused(x, "the USB controller cannot use pages of 4 KB");
}

static void stuck(void) {
    Xhci *x = fresh();
    halts = false;
    check_refused(x, "the USB controller cannot be reset");
    x = fresh();
    resets = false;
    check_refused(x, "the USB controller cannot be reset");
    x = fresh();
    runs = false;
    check_refused(x, "the USB controller does not start");
    x = fresh();
    answers_commands = false;
    check_refused(x, "the USB controller does not answer");
    for (pages_max = 0; pages_max < 8 + 3 * XHCI_DEVICES; pages_max++) { // memory ends at each place
        int most = pages_max;
        x = fresh();
        pages_max = most;
        check_refused(x, "no memory for the USB controller");
    }
    x = fresh();
    pages_max = 8 + 3 * XHCI_DEVICES;
    check_refused(x, "it runs");
}

static void put_event(Xhci *x, uint32_t at, uint32_t cycle, uint32_t type, uint64_t param) {
    x->event[at % RING_PAGE] = (Trb){param, 1u << 24, type << 10 | 3u << 24 | cycle};
}

static void events(void) {
    Xhci *x = fresh();
    CHECK_PTR(start(x), NULL);
    serve(x); // the first command's
    CHECK_EQ(x->event_at, 1);
    put_event(x, 1, 1, EVENT_PORT, 2u << 24);
    put_event(x, 2, 1, EVENT_PORT, 9u << 24); // no such port
    put_event(x, 3, 1, EVENT_PORT, 0);
    put_event(x, 4, 1, EVENT_COMMAND, 0x123450); // none of ours
    put_event(x, 5, 1, EVENT_TRANSFER, 0);
    put_event(x, 6, 1, 63, 0);
    serve(x);
    CHECK_EQ(changed_ports, 1);
    CHECK_EQ(changed_port, 2);
    CHECK_EQ(command_ends, 0);
    CHECK_EQ(transfers, 1);
    CHECK_EQ(x->event_at, 7);
    CHECK_EQ(regs[RUN_AT / 4 + IR_DEQUEUE], (uint32_t)(x->event_phys + 7 * 16) | DEQUEUE_BUSY);
    xhci_command(x, 7, TRB_ENABLE_SLOT << 10);
    CHECK_EQ(regs[DOORS / 4], 0);
    put_event(x, 7, 1, EVENT_COMMAND, x->command_sent);
    put_event(x, 8, 1, EVENT_COMMAND, x->command_sent); // twice
    serve(x);
    CHECK_EQ(command_ends, 1);
    for (uint32_t turn = 0; turn < 3; turn++) { // the ring turns, and so does the meaning of the bit
        for (uint32_t at = x->event_at; at < RING_PAGE; at++)
            put_event(x, at, x->event_cycle, EVENT_TRANSFER, 0);
        serve(x);
        CHECK_EQ(x->event_at, 0);
        CHECK_EQ(x->event_cycle, turn % 2);
    }
    *op(OP_STATUS) = STATUS_SYSTEM_ERROR;
    serve(x);
    CHECK(x->dead);
    CHECK_EQ(*op(OP_COMMAND), 0);
    x = fresh();
    CHECK_PTR(start(x), NULL);
    memset(regs, 0xff, REG_BYTES); // unplugged as a whole
    serve(x);
    CHECK(x->dead);
}

static void rings(void) {
    Trb trb[RING_SMALL] = {0};
    Ring r = {.trb = trb, .phys = 0x1000, .n = RING_SMALL, .cycle = 1};
    for (uint32_t i = 0; i < 10 * (RING_SMALL - 1); i++) {
        uint32_t cycle = (i / (RING_SMALL - 1) + 1) % 2, at = i % (RING_SMALL - 1);
        CHECK_EQ(ring_put(&r, i, 0, TRB_NORMAL << 10), 0x1000 + 16 * at);
        CHECK_EQ(trb[at].control, TRB_NORMAL << 10 | cycle);
        if (at == RING_SMALL - 2) {
            CHECK_EQ(trb[RING_SMALL - 1].control, TRB_LINK << 10 | 2 | cycle);
            CHECK_EQ(trb[RING_SMALL - 1].param, 0x1000);
        }
    }
}

int main(void) {
    RUN(good);
    RUN(firmware);
    RUN(nonsense);
    RUN(stuck);
    RUN(events);
    RUN(rings);
    return test_done();
}
