// usb_model.c -- the invented USB controller, its ports and hubs.
#include "usb_model.h"
#include "drivers/keyboard.h"
#include <stdarg.h>

Xhci *x;
int64_t now_ns;
// What a port is, and the word that the driver reads and writes: a write changes only what hardware lets it
// (see port).
static uint32_t state[MODEL_ROOT_PORTS + 1], portsc[MODEL_ROOT_PORTS + 1];
uint64_t slots[32];
static uint32_t command_control;
uint32_t doorbell_target;
int commands, deaths;
char keys[100];
static char said[2000];
uint8_t configuration[64];
size_t configuration_bytes;
// Devices of a tier below this one are hubs; all hubs of a tier are one, with these ports.
unsigned hub_tiers;
ModelHubPort hub_port[MODEL_TIERS][HUB_PORTS + 1];
static uint64_t last_setup;
int port_resets;
bool resets_enable;

int64_t clock_now_ns(void) {
    return now_ns;
}
void rt_printf(const char *fmt, ...) {
    size_t n = strlen(said);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(said + n, sizeof said - n, fmt, ap);
    va_end(ap);
}
int times_said(const char *words) {
    int n = 0;
    for (const char *at = said; (at = strstr(at, words)); at++)
        n++;
    return n;
}
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
    command_control = control;
    commands++;
}
void xhci_ring(Xhci *xx, unsigned slot, unsigned target) {
    doorbell_target = target;
}
// Takes over what was written since the last look.
static uint32_t *port_word(unsigned port) {
    CHECK(port >= 1 && port <= MODEL_ROOT_PORTS);
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
void port_set(unsigned port, uint32_t v) {
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
void reset(void) {
    static Xhci the_one;
    for (int i = 0; i < XHCI_DEVICES; i++) {
        UsbDevice *d = &the_one.device[i];
        free(d->context);
        free(d->input);
        free(d->control.trb);
    }
    memset(&the_one, 0, sizeof the_one);
    x = &the_one;
    x->ports = MODEL_ROOT_PORTS;
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
    resets_enable = true;
    commands = deaths = 0;
    keys[0] = said[0] = 0;
    static const uint8_t keyboard[] = {9, 2, 34,   0,    1, 3, 0, 0xa0, 50, 9, 4, 1, 0,    1, 3, 1, 1,
                                       0, 9, 0x21, 0x11, 1, 0, 1, 0x22, 63, 0, 7, 5, 0x82, 3, 8, 0, 10};
    memcpy(configuration, keyboard, configuration_bytes = sizeof keyboard);
}
void plug(unsigned port, unsigned speed) {
    port_set(port, PORT_CONNECTED | speed << 10 | PORT_CONNECT_CHANGE | 1 << 9);
    xhci_port_changed(x, port);
}
void unplug(unsigned port) {
    port_set(port, PORT_CONNECT_CHANGE | 1 << 9);
    xhci_port_changed(x, port);
}
int steps;

// ---- the invented hubs

void plug_behind(unsigned tier, unsigned port, unsigned speed) {
    hub_port[tier][port].status = 0x101 | (speed == SPEED_LOW ? 0x200 : speed == SPEED_HIGH ? 0x400 : 0);
    hub_port[tier][port].change |= 1;
}
void unplug_behind(unsigned tier, unsigned port) {
    hub_port[tier][port].status = 0x100;
    hub_port[tier][port].change |= 1;
}
UsbDevice *hub_of_tier(unsigned tier) {
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
        if (resets_enable) hub_port[d->tier][port].status |= 2;
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

bool go_on(unsigned code) {
    UsbDevice *d = x->work;
    steps++;
    if (d && (*port_word(d->port) & PORT_RESET)) {
        port_set(d->port, (state[d->port] & ~PORT_RESET) | PORT_ENABLED | PORT_RESET_CHANGE);
        xhci_port_changed(x, d->port);
    } else if (x->command_sent) {
        x->command_sent = 0;
        xhci_command_done(
            x, code, (command_control >> 10 & 63) == TRB_ENABLE_SLOT ? free_slot() : command_control >> 24);
    } else if (d && d->step >= STEP_DEVICE && d->step <= STEP_PORT_DONE && !usb_passes_time(d)) {
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
void run(void) {
    int most = 2000;
    while (go_on(DONE) && --most) {
    }
    CHECK(most > 0);
}
int count(Step step) {
    int n = 0;
    for (int i = 0; i < XHCI_DEVICES; i++)
        n += x->device[i].step == step;
    return n;
}
void report_short(UsbDevice *d, const char *bytes, size_t n) {
    uint64_t at = 0;
    while (at < RING_SMALL - 1 && d->in.trb[at].param == 0) // any request will do: the first that is out
        at++;
    CHECK(at < RING_SMALL - 1);
    if (at == RING_SMALL - 1) return;
    uint64_t place = (d->in.trb[at].param - d->buffer_phys) / REPORT_ROOM;
    memcpy(d->buffer + place * REPORT_ROOM, bytes, n);
    xhci_transfer_done(x, d->slot, 2u * d->function.endpoint + 1, n < 8 ? DONE_SHORT : DONE,
                       d->in.phys + at * sizeof(Trb));
}
void report(UsbDevice *d, const char *bytes) {
    report_short(d, bytes, 8);
}
