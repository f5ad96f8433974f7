// test_usb.c -- a USB controller's ports (drivers/xhci_port.c) with an invented controller: one that answers,
// one that fails or falls silent at each step, one that lies; keyboards that come and go. And configuration
// descriptors: whole, cut, random.
#include "test.h"
#include "drivers/xhci_port.c"
// units: drivers/usb_desc.c

enum { PORTS = 4 };
static Xhci *x;
static int64_t now_ns;
// What a port is, and the word that the driver reads and writes: a write changes only what hardware lets it
// (see port).
static uint32_t state[PORTS + 1], portsc[PORTS + 1];
static uint64_t slots[32];
static uint64_t command_param;
static uint32_t command_control, doorbell_slot, doorbell_target;
static int commands, doorbells, deaths;
static char keys[100];
static uint8_t configuration[64];
static size_t configuration_bytes;

int64_t clock_now_ns(void) {
    return now_ns;
}
void rt_printf(const char *fmt, ...) {}
void keyboard_key(uint8_t usage, bool down, bool repeat) {
    size_t n = strlen(keys);
    snprintf(keys + n, sizeof keys - n, "%s%02x", down ? "+" : "-", usage);
}
uint64_t ring_put(Ring *r, uint64_t param, uint32_t status, uint32_t control) {
    uint64_t phys = r->phys + r->at * sizeof(Trb);
    CHECK(r->at < r->n - 1);
    r->trb[r->at] = (Trb){param, status, control | r->cycle};
    if (++r->at == r->n - 1) {
        r->at = 0;
        r->cycle ^= 1;
    }
    return phys;
}
void ring_clear(Ring *r) {
    r->at = 0;
    r->cycle = 1;
}
void xhci_command(Xhci *xx, uint64_t param, uint32_t control) {
    CHECK(!x->command_sent); // one at a time
    x->command_sent = 0x1000;
    command_param = param;
    command_control = control;
    commands++;
}
void xhci_ring(Xhci *xx, unsigned slot, unsigned target) {
    doorbell_slot = slot;
    doorbell_target = target;
    doorbells++;
}
// Takes over what was written since the last look.
static uint32_t *port_word(unsigned port) {
    CHECK(port >= 1 && port <= PORTS);
    uint32_t *word = &portsc[port], *real = &state[port];
    if (*word != *real) {
        *real &= ~(*word & PORT_CHANGES);
        if (*word & PORT_RESET) *real |= PORT_RESET;
        if (*word & PORT_ENABLED) *real &= ~PORT_ENABLED; // writing one would disable it
        CHECK(!(*word & PORT_ENABLED));
    }
    *word = *real;
    return word;
}
static void port_set(unsigned port, uint32_t v) {
    state[port] = portsc[port] = v;
}
volatile uint32_t *xhci_portsc(Xhci *xx, unsigned port) {
    return port_word(port);
}
void xhci_die(Xhci *xx, const char *why) {
    deaths += !x->dead;
    x->dead = true;
}

// ---- the invented controller

static void *page(void) {
    void *p = aligned_alloc(4096, 4096);
    memset(p, 0, 4096);
    return p;
}
static void reset(void) {
    static Xhci the_one;
    for (int i = 0; i < XHCI_DEVICES; i++) {
        UsbDevice *d = &the_one.device[i];
        free(d->context);
        free(d->input);
        free(d->control.trb);
    }
    memset(&the_one, 0, sizeof the_one);
    x = &the_one;
    x->ports = PORTS;
    x->context_bytes = 32;
    x->slots = slots;
    for (int i = 0; i < XHCI_DEVICES; i++) {
        UsbDevice *d = &x->device[i];
        d->context = page();
        d->input = page();
        Trb *rings = page();
        d->control = (Ring){rings, 0x100000u * (unsigned)(i + 1), RING_SMALL, 0, 1};
        d->in = (Ring){rings + RING_SMALL, 0x100000u * (unsigned)(i + 1) + 512, RING_SMALL, 0, 1};
        d->buffer = (uint8_t *)(rings + 2 * RING_SMALL);
        d->buffer_phys = 0x100000u * (unsigned)(i + 1) + 1024;
    }
    memset(portsc, 0, sizeof portsc);
    memset(state, 0, sizeof state);
    memset(slots, 0, sizeof slots);
    commands = doorbells = deaths = 0;
    keys[0] = 0;
    static const uint8_t keyboard[] = {9, 2, 34,   0,    1, 3, 0, 0xa0, 50, 9, 4, 1, 0,    1, 3, 1, 1,
                                       0, 9, 0x21, 0x11, 1, 0, 1, 0x22, 63, 0, 7, 5, 0x82, 3, 8, 0, 10};
    memcpy(configuration, keyboard, configuration_bytes = sizeof keyboard);
}
static void plug(unsigned port, unsigned speed) {
    port_set(port, PORT_CONNECTED | speed << 10 | PORT_CONNECT_CHANGE | 1 << 9);
    xhci_port_changed(x, port);
}
static void unplug(unsigned port) {
    port_set(port, PORT_CONNECT_CHANGE | 1 << 9);
    xhci_port_changed(x, port);
}
static int steps; // answers given

// Gives the answer that is due, or lets time pass to the next deadline. False: nothing is under way.
static bool go_on(unsigned code) {
    UsbDevice *d = x->work;
    steps++;
    if (d && (*port_word(d->port) & PORT_RESET)) {
        port_set(d->port, (state[d->port] & ~PORT_RESET) | PORT_ENABLED | PORT_RESET_CHANGE);
        xhci_port_changed(x, d->port);
    } else if (x->command_sent) {
        x->command_sent = 0;
        xhci_command_done(x, code,
                          (command_control >> 10 & 63) == TRB_ENABLE_SLOT ? 3 : command_control >> 24);
    } else if (d && d->step >= STEP_DEVICE && d->step <= STEP_PROTOCOL) {
        if (d->step == STEP_DEVICE) d->buffer[7] = 64;
        if (d->step == STEP_LENGTH) memcpy(d->buffer, configuration, 9);
        if (d->step == STEP_CONFIG) memcpy(d->buffer, configuration, configuration_bytes);
        xhci_transfer_done(x, d->slot, 1, code, 0);
    } else {
        int64_t next = xhci_next(x);
        if (next == TIME_NEVER) return false;
        if (next > now_ns) now_ns = next;
    }
    xhci_work(x, now_ns);
    return !x->dead;
}
static void run(void) {
    int most = 200;
    while (go_on(DONE) && --most) {
    }
    CHECK(most > 0);
}
static int count(Step step) {
    int n = 0;
    for (int i = 0; i < XHCI_DEVICES; i++)
        n += x->device[i].step == step;
    return n;
}
static void report(UsbDevice *d, const char *bytes) {
    uint64_t at = 0;
    while (at < RING_SMALL - 1 && d->in.trb[at].param == 0) // any request will do: the first that is out
        at++;
    CHECK(at < RING_SMALL - 1);
    if (at == RING_SMALL - 1) return;
    uint64_t place = (d->in.trb[at].param - d->buffer_phys) / REPORT_ROOM;
    memcpy(d->buffer + place * REPORT_ROOM, bytes, 8);
    xhci_transfer_done(x, d->slot, 2u * d->keyboard.endpoint + 1, DONE, d->in.phys + at * sizeof(Trb));
}

static void a_keyboard(void) {
    reset();
    plug(2, SPEED_FULL);
    run();
    CHECK_EQ(count(STEP_TYPES), 1);
    UsbDevice *d = &x->device[0];
    CHECK_EQ(d->slot, 3);
    CHECK_EQ(d->packet0, 64);
    CHECK_EQ(d->keyboard.configuration, 3);
    CHECK_EQ(d->keyboard.interface, 1);
    CHECK_EQ(d->keyboard.endpoint, 2);
    CHECK_EQ(doorbell_target, 5);
    CHECK_EQ(interval_of(d), 6); // 8 ms
    CHECK_PTR(x->work, NULL);
    report(d, "\2\0\4\5\0\0\0\0"); // shift, a, b
    report(d, "\0\0\5\6\0\0\0\0");
    report(d, "\0\0\1\1\1\1\1\1"); // too many keys
    report(d, "\0\0\0\0\0\0\0\0");
    CHECK_STR(keys, "+e1+04+05-e1-04+06-05-06");
    xhci_transfer_done(x, d->slot, 5, DONE, 12345); // of no ring
    xhci_transfer_done(x, d->slot, 5, DONE, d->in.phys + 4096);
    xhci_transfer_done(x, 0, 5, DONE, d->in.phys);
    xhci_transfer_done(x, 9, 5, DONE, d->in.phys);
    keys[0] = 0;
    report(d, "\1\0\7\0\0\0\0\0");
    unplug(2); // with keys held: they are let go
    run();
    CHECK_STR(keys, "+e0+07-e0-07");
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
    CHECK_EQ(slots[3], 0);
    plug(2, SPEED_LOW);
    run();
    CHECK_EQ(count(STEP_TYPES), 1);
    CHECK_EQ(deaths, 0);
}

static void no_keyboard_is_left_alone(void) {
    reset();
    configuration[15] = 2; // a mouse, say
    configuration[16] = 2;
    plug(1, SPEED_FULL);
    run();
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
    int before = commands;
    run();
    CHECK_EQ(commands, before);
    port_set(3, PORT_CONNECTED | PORT_ENABLED | SPEED_SUPER << 10 | PORT_CONNECT_CHANGE);
    xhci_port_changed(x, 3); // USB 3: not looked at
    run();
    CHECK_EQ(commands, before);
}

// The n-th answer is a failure, for ever: three attempts, then quiet. And once: the next attempt succeeds.
static void failures(void) {
    for (int at = 1; at < 30; at++)
        for (int once = 0; once < 2; once++) {
            reset();
            plug(1, SPEED_FULL);
            int most = 400, failed = 0;
            steps = 0;
            while (most-- && go_on(steps >= at && !(once && failed) ? (failed++, 6) : DONE)) {
            }
            CHECK(most > 0);
            CHECK(count(STEP_FREE) + count(STEP_TYPES) == XHCI_DEVICES);
            if (once) CHECK_EQ(count(STEP_TYPES), 1);
            CHECK_PTR(x->work, NULL);
        }
}

// From the n-th answer on the controller says nothing. It is given up, or the device is; within seconds.
static void silence(void) {
    for (int at = 0; at < 30; at++) {
        reset();
        plug(1, SPEED_FULL);
        int most = 400;
        int64_t begin = now_ns;
        for (int i = 0; i < at && go_on(DONE); i++) {
        }
        while (most-- && !x->dead && xhci_next(x) != TIME_NEVER) {
            if (xhci_next(x) > now_ns) now_ns = xhci_next(x);
            xhci_work(x, now_ns);
        }
        CHECK(most > 0);
        CHECK(x->dead || count(STEP_TYPES) == 1 || count(STEP_FREE) == XHCI_DEVICES);
        CHECK(now_ns - begin < 20000000000);
    }
}

static void unplugged_at_each_step(void) {
    for (int at = 0; at < 30; at++) {
        reset();
        plug(1, SPEED_FULL);
        for (int i = 0; i < at && go_on(DONE); i++) {
        }
        unplug(1);
        run();
        CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
        CHECK_PTR(x->work, NULL);
        plug(1, SPEED_FULL);
        run();
        CHECK_EQ(count(STEP_TYPES), 1);
    }
}

static void lies(void) {
    reset();
    plug(1, SPEED_FULL);
    while (x->work == NULL || x->work->step != STEP_ENABLE)
        go_on(DONE);
    x->command_sent = 0;
    xhci_command_done(x, DONE, 200); // a slot that it cannot have
    CHECK(x->dead);
    reset();
    for (int round = 0; round < 20000; round++) { // anything, at any time
        switch (test_below(6)) {
        case 0:
            if (x->command_sent) {
                x->command_sent = 0;
                xhci_command_done(x, (unsigned)test_below(4) ? DONE : 6, (unsigned)test_below(10));
            }
            break;
        case 1:
            xhci_transfer_done(x, (unsigned)test_below(10), (unsigned)test_below(32),
                               (unsigned)test_below(16), test_rand() % 0x1000000);
            break;
        case 2: {
            unsigned port = 1 + (unsigned)test_below(PORTS);
            port_set(port, (uint32_t)test_rand());
            xhci_port_changed(x, port);
            break;
        }
        case 3:
            now_ns += (int64_t)test_below(300000000);
            break;
        case 4:
            for (int i = 0; i < XHCI_DEVICES; i++)
                x->device[i].buffer[test_below(256)] = (uint8_t)test_rand();
            break;
        default:
            go_on(DONE);
            break;
        }
        if (x->dead) reset();
        xhci_work(x, now_ns);
    }
}

static void descriptors(void) {
    UsbKeyboard k;
    reset();
    CHECK(usb_find_keyboard(configuration, configuration_bytes, &k));
    for (size_t n = 0; n < configuration_bytes; n++)
        CHECK(!usb_find_keyboard(configuration, n, &k));
    configuration[9] = 0; // a length that does not go on
    CHECK(!usb_find_keyboard(configuration, configuration_bytes, &k));
    for (int round = 0; round < 30000; round++) {
        uint8_t *copy = malloc(configuration_bytes); // exactly: the address sanitizer watches
        reset();
        memcpy(copy, configuration, configuration_bytes);
        for (uint64_t i = test_below(6); i-- > 0;)
            copy[test_below(configuration_bytes)] = (uint8_t)test_rand();
        if (usb_find_keyboard(copy, configuration_bytes, &k))
            CHECK(k.endpoint >= 1 && k.endpoint <= 15 && k.packet >= 8 && k.packet <= 1024 &&
                  k.interval >= 1);
        free(copy);
    }
}

int main(void) {
    RUN(a_keyboard);
    RUN(no_keyboard_is_left_alone);
    RUN(failures);
    RUN(silence);
    RUN(unplugged_at_each_step);
    RUN(lies);
    RUN(descriptors);
    return test_done();
}
