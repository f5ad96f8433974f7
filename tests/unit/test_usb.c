// test_usb.c -- a USB controller's ports (drivers/xhci_port.c) with an invented controller: one that answers,
// one that fails or falls silent at each step, one that lies; keyboards that come and go, and hubs with what
// is behind them. And configuration descriptors: whole, cut, random.
#include "test.h"
#include "drivers/xhci_port.c"
// units: drivers/usb_desc.c drivers/xhci_hub.c

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
// Devices of a tier below this one are hubs; all hubs of a tier are one, with these ports.
static unsigned hub_tiers;
enum { MODEL_PORTS = 4, MODEL_TIERS = 8 };
static struct { uint16_t status, change; } hub_port[MODEL_TIERS][HUB_PORTS + 1];
static uint64_t last_setup;
static int port_resets;

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
    if ((control >> 10 & 63) == TRB_SETUP) last_setup = param;
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
    CHECK(!x->command_sent);                 // one at a time
    for (int i = 0; i < XHCI_DEVICES; i++) { // a hub goes last
        const UsbDevice *d = &x->device[i];
        bool behind = d->step != STEP_FREE && d->hub && d->hub->slot == control >> 24;
        CHECK(!(behind && (control >> 10 & 63) == TRB_DISABLE_SLOT));
    }
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
    memset(hub_port, 0, sizeof hub_port);
    hub_tiers = 0;
    port_resets = 0;
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

// ---- the invented hubs

static void plug_behind(unsigned tier, unsigned port, unsigned speed) {
    hub_port[tier][port].status = 0x101 | (speed == SPEED_LOW ? 0x200 : speed == SPEED_HIGH ? 0x400 : 0);
    hub_port[tier][port].change |= 1;
}
static void unplug_behind(unsigned tier, unsigned port) {
    hub_port[tier][port].status = 0x100;
    hub_port[tier][port].change |= 1;
}
static UsbDevice *hub_of_tier(unsigned tier) {
    for (int i = 0; i < XHCI_DEVICES; i++)
        if (x->device[i].step != STEP_FREE && x->device[i].tier == tier && x->device[i].h.ports)
            return &x->device[i];
    return NULL;
}
// A hub that has been asked tells of its changes. False: nobody asked, or there are none.
static bool hubs_tell(void) {
    for (unsigned tier = 0; tier < hub_tiers; tier++) {
        UsbDevice *d = hub_of_tier(tier);
        unsigned bits = 0;
        for (unsigned port = 1; port <= MODEL_PORTS; port++)
            bits |= (hub_port[tier][port].change != 0) << port;
        if (!d || !d->h.armed || !bits || d->gone || x->work) continue;
        d->buffer[2048] = (uint8_t)bits;
        xhci_transfer_done(x, d->slot, 2u * d->function.endpoint + 1, DONE, 0);
        return true;
    }
    return false;
}
static void hub_answers(UsbDevice *d) {
    unsigned request = last_setup >> 8 & 255, value = last_setup >> 16 & 0xffff, port = last_setup >> 32 & 15;
    if ((last_setup & 255) == 0xa0) {
        const uint8_t descriptor[8] = {9, 0x29, MODEL_PORTS, 0x40, 0, 50, 0, 0};
        memcpy(d->buffer, descriptor, sizeof descriptor);
    } else if ((last_setup & 255) == 0xa3) {
        memcpy(d->buffer, &hub_port[d->tier][port].status, 2);
        memcpy(d->buffer + 2, &hub_port[d->tier][port].change, 2);
    } else if ((last_setup & 255) == 0x23 && request == 1) {
        CHECK(value >= 16 && value <= 20);
        hub_port[d->tier][port].change &= (uint16_t) ~(1u << (value - 16));
    } else if ((last_setup & 255) == 0x23 && value == 4) {
        port_resets++;
        if (!(hub_port[d->tier][port].status & 1)) return;
        hub_port[d->tier][port].status |= 2;
        hub_port[d->tier][port].change |= 0x10;
    }
}
static unsigned free_slot(void) {
    for (unsigned slot = 3;; slot = slot % XHCI_DEVICES + 1) {
        bool used = false;
        for (int i = 0; i < XHCI_DEVICES; i++)
            used |= x->device[i].step != STEP_FREE && x->device[i].slot == slot;
        if (!used) return slot;
    }
}

// Gives the answer that is due, or lets time pass to the next deadline. False: nothing is under way.
static bool go_on(unsigned code) {
    UsbDevice *d = x->work;
    steps++;
    if (d && (*port_word(d->port) & PORT_RESET)) {
        port_set(d->port, (state[d->port] & ~PORT_RESET) | PORT_ENABLED | PORT_RESET_CHANGE);
        xhci_port_changed(x, d->port);
    } else if (x->command_sent) {
        x->command_sent = 0;
        xhci_command_done(
            x, code, (command_control >> 10 & 63) == TRB_ENABLE_SLOT ? free_slot() : command_control >> 24);
    } else if (d && d->step >= STEP_DEVICE && d->step <= STEP_PORT_DONE && !passes_time(d)) {
        static const uint8_t hub[] = {9, 2, 25, 0, 1, 1, 0, 0xe0, 0, 9, 4, 0, 0,
                                      1, 9, 0,  0, 0, 7, 5, 0x81, 3, 1, 0, 12};
        bool is_hub = d->tier < hub_tiers;
        if (d->step == STEP_DEVICE) d->buffer[7] = 64;
        if (d->step == STEP_LENGTH) memcpy(d->buffer, is_hub ? hub : configuration, 9);
        if (d->step == STEP_CONFIG)
            memcpy(d->buffer, is_hub ? hub : configuration, is_hub ? sizeof hub : configuration_bytes);
        if (d->step >= STEP_HUB_DESCRIPTOR && code == DONE) hub_answers(d);
        xhci_transfer_done(x, d->slot, 1, code, 0);
    } else if (!hubs_tell()) {
        int64_t next = xhci_next(x);
        if (next == TIME_NEVER) return false;
        if (next > now_ns) now_ns = next;
    }
    xhci_work(x, now_ns);
    return !x->dead;
}
static void run(void) {
    int most = 2000;
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
    xhci_transfer_done(x, d->slot, 2u * d->function.endpoint + 1, DONE, d->in.phys + at * sizeof(Trb));
}

static void a_keyboard(void) {
    reset();
    plug(2, SPEED_FULL);
    run();
    CHECK_EQ(count(STEP_TYPES), 1);
    UsbDevice *d = &x->device[0];
    CHECK_EQ(d->slot, 3);
    CHECK_EQ(d->packet0, 64);
    CHECK_EQ(d->function.configuration, 3);
    CHECK_EQ(d->function.interface, 1);
    CHECK_EQ(d->function.endpoint, 2);
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

// ---- hubs

static void behind_a_hub(unsigned hub_speed, unsigned speed) {
    reset();
    hub_tiers = 1;
    plug_behind(0, 3, speed);
    plug(2, hub_speed);
    run();
    CHECK_EQ(count(STEP_TYPES), 1);
    CHECK_EQ(count(STEP_HUB), 1);
    CHECK_PTR(x->work, NULL);
    UsbDevice *hub = hub_of_tier(0), *d = usb_device_behind(x, hub, 3);
    CHECK(d && d->step == STEP_TYPES);
    if (!d) return;
    CHECK_EQ(d->speed, speed);
    const uint32_t *slot = context_at(x, hub, 1);
    CHECK_EQ(slot[0] >> 26 & 1, 1);
    CHECK_EQ(slot[1], 2u << 16 | (unsigned)MODEL_PORTS << 24);
    CHECK_EQ(slot[2], hub_speed == SPEED_HIGH ? 2u << 16 : 0u);
    slot = context_at(x, d, 1);
    CHECK_EQ(slot[0] & 0xfffff, 3);
    CHECK_EQ(slot[0] >> 20 & 15, speed);
    CHECK_EQ(slot[0] >> 26 & 1, 0);
    CHECK_EQ(slot[1], 2u << 16);
    CHECK_EQ(slot[2], hub_speed == SPEED_HIGH && speed != SPEED_HIGH ? hub->slot | 3u << 8 : 0u);
    report(d, "\0\0\4\0\0\0\0\0");
    unplug_behind(0, 3); // with a key held
    run();
    CHECK_STR(keys, "+04-04");
    CHECK_EQ(count(STEP_TYPES), 0);
    CHECK_EQ(count(STEP_HUB), 1);
    plug_behind(0, 1, speed);
    plug_behind(0, 4, speed);
    run();
    CHECK_EQ(count(STEP_TYPES), 2);
    CHECK_EQ(port_resets, 3);
    unplug_behind(0, 1); // and another one comes before anybody looks
    plug_behind(0, 1, speed);
    run();
    CHECK_EQ(count(STEP_TYPES), 2);
    CHECK_EQ(port_resets, 4);
    unplug(2); // the hub, with what is behind it
    run();
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
    for (unsigned i = 1; i < 32; i++)
        CHECK_EQ(slots[i], 0);
    CHECK_EQ(deaths, 0);
}
static void hubs(void) {
    behind_a_hub(SPEED_HIGH, SPEED_LOW);
    behind_a_hub(SPEED_HIGH, SPEED_HIGH);
    behind_a_hub(SPEED_FULL, SPEED_FULL);
}

static void hub_behind_hub(void) {
    reset();
    hub_tiers = 2;
    plug_behind(0, 2, SPEED_FULL);
    plug_behind(1, 4, SPEED_LOW);
    plug(1, SPEED_HIGH);
    run();
    CHECK_EQ(count(STEP_HUB), 2);
    CHECK_EQ(count(STEP_TYPES), 1);
    UsbDevice *outer = hub_of_tier(0), *inner = hub_of_tier(1), *d = usb_device_behind(x, inner, 4);
    CHECK(d != NULL);
    if (!d) return;
    CHECK_EQ(d->route, 0x42);
    CHECK_EQ(d->tt_slot, outer->slot); // the one of high speed translates
    CHECK_EQ(d->tt_port, 2);
    unplug_behind(0, 2);
    run();
    CHECK_EQ(count(STEP_HUB), 1);
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES - 1);
    reset(); // more tiers than a route has room for
    hub_tiers = MODEL_TIERS;
    for (unsigned tier = 0; tier < MODEL_TIERS; tier++)
        plug_behind(tier, 1, SPEED_HIGH);
    plug(1, SPEED_HIGH);
    run();
    CHECK_EQ(count(STEP_HUB), HUB_TIERS);
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES - HUB_TIERS);
}

// It is reset once, not again and again because its own reset was a change; and others have the room.
static void no_keyboard_behind_a_hub(void) {
    reset();
    hub_tiers = 1;
    configuration[15] = 2;
    for (unsigned port = 1; port <= MODEL_PORTS; port++)
        plug_behind(0, port, SPEED_HIGH);
    plug(1, SPEED_HIGH);
    run();
    CHECK_EQ(port_resets, MODEL_PORTS);
    hub_port[0][1].change |= 8; // a change that nobody plugged
    run();
    CHECK_EQ(hub_port[0][1].change, 0);
    CHECK_EQ(port_resets, MODEL_PORTS);
    CHECK_EQ(count(STEP_HUB), 1);
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES - 1);
}

static void too_many_devices(void) {
    reset();
    hub_tiers = 4; // each tier's one hub, with keyboards beside it: 4 + 3 * 3 + 4 > 16
    for (unsigned tier = 0; tier < 4; tier++)
        for (unsigned port = 1; port <= MODEL_PORTS; port++)
            plug_behind(tier, port, SPEED_HIGH);
    plug(1, SPEED_HIGH);
    for (int i = 0; i < 3000 && go_on(DONE); i++) {
    }
    CHECK_EQ(count(STEP_FREE), 0);
    CHECK_PTR(x->work, NULL);
    CHECK_EQ(deaths, 0);
    unplug(1);
    run();
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
}

// A hub that works, until it does not answer any more when it is asked about a port: all of it is begun with
// again.
static void hub_fails_later(void) {
    for (int at = 0; at < 4; at++) {
        reset();
        hub_tiers = 1;
        plug_behind(0, 2, SPEED_LOW);
        plug(1, SPEED_HIGH);
        run();
        plug_behind(0, 4, SPEED_LOW);
        for (int i = 0; i < at + 2; i++)
            go_on(DONE);
        UsbDevice *hub = hub_of_tier(0);
        CHECK_PTR(x->work, hub);
        for (int i = 0; x->work == hub && i < 10; i++)
            go_on(6);
        run();
        CHECK_EQ(count(STEP_HUB), 1);
        CHECK_EQ(count(STEP_TYPES), 2);
        CHECK_EQ(count(STEP_FREE), XHCI_DEVICES - 3);
    }
}

static void plug_something(bool hub) {
    hub_tiers = hub;
    if (hub) plug_behind(0, 2, SPEED_LOW);
    plug(1, hub ? SPEED_HIGH : SPEED_FULL);
}

// The n-th answer is a failure, for ever: three attempts, then quiet. And once: the next attempt succeeds.
static void failures_of(bool hub) {
    for (int at = 1; at < (hub ? 80 : 30); at++)
        for (int once = 0; once < 2; once++) {
            reset();
            plug_something(hub);
            int most = 4000, failed = 0;
            steps = 0;
            while (most-- && go_on(steps >= at && !(once && failed) ? (failed++, 6) : DONE)) {
            }
            CHECK(most > 0);
            CHECK(count(STEP_FREE) + count(STEP_TYPES) + count(STEP_HUB) == XHCI_DEVICES);
            if (once) CHECK_EQ(count(STEP_TYPES), 1);
            CHECK_PTR(x->work, NULL);
        }
}
static void failures(void) {
    failures_of(false);
    failures_of(true);
}

// From the n-th answer on the controller says nothing. It is given up, or the device is; within seconds.
static void silence_of(bool hub) {
    for (int at = 0; at < (hub ? 80 : 30); at++) {
        reset();
        plug_something(hub);
        int most = 400;
        int64_t begin = now_ns;
        for (int i = 0; i < at && go_on(DONE); i++) {
        }
        while (most-- && !x->dead && xhci_next(x) != TIME_NEVER) {
            if (xhci_next(x) > now_ns) now_ns = xhci_next(x);
            xhci_work(x, now_ns);
        }
        CHECK(most > 0);
        CHECK(x->dead || count(STEP_TYPES) == 1 || count(STEP_HUB) == 1 || count(STEP_FREE) == XHCI_DEVICES);
        CHECK(now_ns - begin < 20000000000);
    }
}
static void silence(void) {
    silence_of(false);
    silence_of(true);
}

static void unplugged_at_each_step_of(bool hub) {
    for (int at = 0; at < (hub ? 80 : 30); at++) {
        reset();
        plug_something(hub);
        for (int i = 0; i < at && go_on(DONE); i++) {
        }
        unplug(1);
        run();
        CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
        CHECK_PTR(x->work, NULL);
        plug_something(hub);
        run();
        CHECK_EQ(count(STEP_TYPES), 1);
        if (!hub) continue;
        reset(); // and what is behind it
        plug_something(true);
        for (int i = 0; i < at && go_on(DONE); i++) {
        }
        unplug_behind(0, 2);
        run();
        CHECK_EQ(count(STEP_TYPES), 0);
        CHECK_EQ(count(STEP_HUB), 1);
        plug_behind(0, 2, SPEED_LOW);
        run();
        CHECK_EQ(count(STEP_TYPES), 1);
    }
}
static void unplugged_at_each_step(void) {
    unplugged_at_each_step_of(false);
    unplugged_at_each_step_of(true);
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
    for (int round = 0; round < 40000; round++) { // anything, at any time
        if (test_below(100) == 0) hub_tiers = (unsigned)test_below(4);
        switch (test_below(7)) {
        case 6: {
            unsigned tier = (unsigned)test_below(4), port = (unsigned)test_below(HUB_PORTS) + 1;
            hub_port[tier][port].status = (uint16_t)test_rand();
            hub_port[tier][port].change = (uint16_t)test_rand() & 31;
            break;
        }
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
    UsbFunction k;
    reset();
    CHECK(usb_find_function(configuration, configuration_bytes, &k));
    CHECK(!k.hub);
    for (size_t n = 0; n < configuration_bytes; n++)
        CHECK(!usb_find_function(configuration, n, &k));
    configuration[9] = 0; // a length that does not go on
    CHECK(!usb_find_function(configuration, configuration_bytes, &k));
    for (int round = 0; round < 30000; round++) {
        uint8_t *copy = malloc(configuration_bytes); // exactly: the address sanitizer watches
        reset();
        memcpy(copy, configuration, configuration_bytes);
        for (uint64_t i = test_below(6); i-- > 0;)
            copy[test_below(configuration_bytes)] = (uint8_t)test_rand();
        if (usb_find_function(copy, configuration_bytes, &k))
            CHECK(k.endpoint >= 1 && k.endpoint <= 15 && k.packet >= (k.hub ? 1 : 8) && k.packet <= 1024 &&
                  k.interval >= 1);
        free(copy);
    }
}

int main(void) {
    RUN(a_keyboard);
    RUN(no_keyboard_is_left_alone);
    RUN(hubs);
    RUN(hub_behind_hub);
    RUN(no_keyboard_behind_a_hub);
    RUN(too_many_devices);
    RUN(hub_fails_later);
    RUN(failures);
    RUN(silence);
    RUN(unplugged_at_each_step);
    RUN(lies);
    RUN(descriptors);
    return test_done();
}
