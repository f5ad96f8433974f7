// xhci_port.c -- what happens at a USB controller's ports: a device comes, is asked what it is, types, goes.
//
// Nothing here waits. A device goes through the steps of xhci.h; each begins something (a command, a
// transfer, a reset, a time to let pass) and ends when the controller tells of it, or at its deadline, which
// is a failure. Devices that are no keyboards are left again; after USB_TRIES_MAX failures a port is left
// alone until something else is plugged in. Hubs are followed (xhci_hub.c), with what is behind them.
//
// One device at a time is between reset and work (`work`): the commands are then one at a time, too, and on
// the bus only one device answers to address 0.
#include "drivers/xhci.h"
#include "drivers/keyboard.h"

enum { // PORTSC
    PORT_CONNECTED = 1,
    PORT_ENABLED = 2,
    PORT_RESET = 1 << 4,
    PORT_CONNECT_CHANGE = 1 << 17,
    PORT_RESET_CHANGE = 1 << 21,
    PORT_CHANGES = 0x7f << 17, // written as ones they are acknowledged
    PORT_KEPT = 0x0e00c200,    // what a write must repeat: power, light, wake-up
};
enum { IN_FLIGHT = 4, REPORT_BYTES = 8, REPORT_ROOM = 64, REPORT_PACKET_MAX = 64, CONFIG_MAX = 1024 };
enum {
    STEP_NS = 500000000,
    COMMAND_NS = 2000000000,
    RECOVER_NS = 20000000,
    SETTLE_NS = 10000000,
    DEBOUNCE_NS = 100000000
};
enum { REPORT_OVERFLOW = 1, KEYS_FIRST = 2 };

static uint32_t *context_at(const Xhci *x, const UsbDevice *d, unsigned index) {
    return (uint32_t *)(d->input + index * x->context_bytes);
}

static unsigned speed_of(uint32_t portsc) {
    return portsc >> 10 & 15;
}

// Where a device is plugged in: the controller's port, then those of the hubs on the way: "5.2".
static void say_place(const char *before, const UsbDevice *d, const char *after) {
    rt_printf("%s%u", before, d->port);
    for (uint32_t route = d->route; route; route >>= 4)
        rt_printf(".%u", route & 15);
    rt_printf("%s\n", after);
}

static uint8_t *tries_of(Xhci *x, const UsbDevice *d) {
    return d->hub ? &d->hub->h.tries[d->hub_port] : &x->tries[d->port];
}

// ---- beginnings

void usb_begin(UsbDevice *d, Step step, int64_t ns) {
    d->step = step;
    d->deadline = clock_now_ns() + ns;
}

static void begin_command(Xhci *x, UsbDevice *d, Step step, unsigned type, uint64_t param) {
    usb_begin(d, step, COMMAND_NS);
    xhci_command(x, param, type << 10 | (uint32_t)d->slot << 24);
}

void usb_control(Xhci *x, UsbDevice *d, Step step, uint64_t setup) {
    uint32_t bytes = (uint32_t)(setup >> 48);
    bool in = setup & 0x80;
    usb_begin(d, step, STEP_NS);
    for (uint32_t i = 0; i < bytes; i++)
        d->buffer[i] = 0; // a short answer says nothing of its length
    ring_put(&d->control, setup, 8, TRB_SETUP << 10 | 1 << 6 | (bytes ? 3u : 0u) << 16);
    if (bytes) ring_put(&d->control, d->buffer_phys, bytes, TRB_DATA << 10 | 1 << 16);
    ring_put(&d->control, 0, 0, TRB_STATUS << 10 | 1 << 5 | (bytes && in ? 0u : 1u) << 16);
    xhci_ring(x, d->slot, 1);
}

static void clear_input(UsbDevice *d) {
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        d->input[i] = 0;
}

static void put_slot_context(Xhci *x, UsbDevice *d, unsigned last) {
    uint32_t *slot = context_at(x, d, 1);
    slot[0] = d->route | (uint32_t)d->speed << 20 | last << 27;
    slot[1] = (uint32_t)d->port << 16;
    slot[2] = d->tt_slot | (uint32_t)d->tt_port << 8;
    if (d->h.ports) { // a hub, as it has said
        slot[0] |= 1u << 26;
        slot[1] |= (uint32_t)d->h.ports << 24;
        if (d->speed == SPEED_HIGH) slot[2] |= (uint32_t)d->h.think << 16;
    }
}

static void put_endpoint_context(uint32_t *e, unsigned type, unsigned interval, unsigned packet,
                                 const Ring *ring) {
    uint64_t phys = ring->phys + ring->at * sizeof(Trb);
    e[0] = interval << 16;
    e[1] = 3 << 1 | type << 3 | packet << 16; // three attempts
    e[2] = (uint32_t)phys | ring->cycle;
    e[3] = (uint32_t)(phys >> 32);
    e[4] = type == 4 ? 8 : packet | packet << 16;
}

static void begin_address(Xhci *x, UsbDevice *d) {
    d->packet0 = d->speed == SPEED_HIGH ? 64 : 8;
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        d->context[i] = 0;
    x->slots[d->slot] = d->context_phys;
    ring_clear(&d->control);
    ring_clear(&d->in);
    clear_input(d);
    context_at(x, d, 0)[1] = 3;
    put_slot_context(x, d, 1);
    put_endpoint_context(context_at(x, d, 2), 4, 0, d->packet0, &d->control);
    begin_command(x, d, STEP_ADDRESS, TRB_ADDRESS, d->input_phys);
}

// The device says how long its packets are; a full-speed one may differ from what was assumed.
static void begin_evaluate(Xhci *x, UsbDevice *d) {
    clear_input(d);
    context_at(x, d, 0)[1] = 2;
    put_endpoint_context(context_at(x, d, 2), 4, 0, d->packet0, &d->control);
    begin_command(x, d, STEP_EVALUATE, TRB_EVALUATE, d->input_phys);
}

static unsigned log2_floor(unsigned v) {
    return v ? 31 - (unsigned)__builtin_clz(v) : 0;
}

// Exponent of 2 x 125 us; the descriptor counts frames of 1 ms, or has the exponent.
static unsigned interval_of(const UsbDevice *d) {
    unsigned v = d->function.interval;
    if (d->speed == SPEED_HIGH) return v > 16 ? 15 : v - 1;
    return 3 + log2_floor(v) > 10 ? 10 : 3 + log2_floor(v);
}

static void begin_endpoint(Xhci *x, UsbDevice *d) {
    unsigned index = 2u * d->function.endpoint + 1;
    clear_input(d);
    context_at(x, d, 0)[1] = 1 | 1u << index;
    put_slot_context(x, d, index);
    put_endpoint_context(context_at(x, d, index + 1), 7, interval_of(d), d->function.packet, &d->in);
    begin_command(x, d, STEP_ENDPOINT, TRB_CONFIGURE, d->input_phys);
}

static void ask_report(UsbDevice *d, unsigned i) {
    ring_put(&d->in, d->buffer_phys + i * REPORT_ROOM, d->function.packet,
             TRB_NORMAL << 10 | 1 << 5 | 1 << 2);
}

static void begin_typing(Xhci *x, UsbDevice *d) {
    d->step = STEP_TYPES;
    d->deadline = TIME_NEVER;
    x->work = NULL;
    *tries_of(x, d) = 0;
    say_place("keys:   USB keyboard at port ", d, "");
    for (unsigned i = 0; i < IN_FLIGHT; i++)
        ask_report(d, i);
    xhci_ring(x, d->slot, 2u * d->function.endpoint + 1);
}

// ---- endings

// Marks all that is behind a hub that is gone, hub for hub.
void usb_mark_gone(Xhci *x, UsbDevice *d) {
    d->gone = true;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < XHCI_DEVICES; i++) {
            UsbDevice *behind = &x->device[i];
            if (behind->step == STEP_FREE || behind->step == STEP_REMOVE || behind->gone || !behind->hub ||
                !behind->hub->gone)
                continue;
            behind->gone = more = true;
        }
    }
}

static bool has_devices_behind(const Xhci *x, const UsbDevice *d) {
    for (int i = 0; i < XHCI_DEVICES; i++)
        if (x->device[i].step != STEP_FREE && x->device[i].hub == d) return true;
    return false;
}

static void release_keys(UsbDevice *d) {
    for (unsigned k = 0; k < 8; k++)
        if (d->last[0] >> k & 1) keyboard_key((uint8_t)(KEY_CTRL_LEFT + k), false, true);
    for (unsigned i = KEYS_FIRST; i < REPORT_BYTES; i++)
        if (d->last[i]) keyboard_key(d->last[i], false, true);
    for (unsigned i = 0; i < REPORT_BYTES; i++)
        d->last[i] = 0;
}

static void forget(Xhci *x, UsbDevice *d) {
    if (d->slot) x->slots[d->slot] = 0;
    d->slot = 0;
    d->gone = false;
    d->hub = NULL;
    d->step = STEP_FREE;
    if (x->work == d) x->work = NULL;
}

static void begin_remove(Xhci *x, UsbDevice *d) {
    if (has_devices_behind(x, d)) { // they go first (begin_what_waits)
        usb_mark_gone(x, d);
        d->step = STEP_HUB;
        if (x->work == d) x->work = NULL;
        return;
    }
    if (d->step == STEP_TYPES) say_place("keys:   USB keyboard at port ", d, " is gone");
    release_keys(d);
    x->work = d;
    if (d->slot)
        begin_command(x, d, STEP_REMOVE, TRB_DISABLE_SLOT, 0);
    else
        forget(x, d);
}

void usb_look_again(Xhci *x, const UsbDevice *d) {
    if (d->hub)
        hub_try_again(d->hub, d->hub_port);
    else
        x->pending[d->port] = 1;
}

void usb_fail(Xhci *x, UsbDevice *d) {
    if (!d->gone) {
        if (++*tries_of(x, d) < USB_TRIES_MAX) {
            usb_look_again(x, d);
            x->settle_at = clock_now_ns() + DEBOUNCE_NS;
        } else {
            say_place("USB port ", d, ": the device does not answer as it should");
        }
    }
    begin_remove(x, d);
}

// ---- a keyboard types

static bool contains(const uint8_t *report, uint8_t key) {
    for (unsigned i = KEYS_FIRST; i < REPORT_BYTES; i++)
        if (report[i] == key) return true;
    return false;
}

static void take_report(UsbDevice *d, const uint8_t *now) {
    if (now[KEYS_FIRST] == REPORT_OVERFLOW) return; // more keys than it can tell
    for (unsigned k = 0; k < 8; k++)
        if ((now[0] ^ d->last[0]) >> k & 1) keyboard_key((uint8_t)(KEY_CTRL_LEFT + k), now[0] >> k & 1, true);
    for (unsigned i = KEYS_FIRST; i < REPORT_BYTES; i++)
        if (d->last[i] && !contains(now, d->last[i])) keyboard_key(d->last[i], false, true);
    for (unsigned i = KEYS_FIRST; i < REPORT_BYTES; i++)
        if (now[i] && !contains(d->last, now[i])) keyboard_key(now[i], true, true);
    for (unsigned i = 0; i < REPORT_BYTES; i++)
        d->last[i] = now[i];
}

// Reports come in the order of their requests: each request names its place.
static void report_came(Xhci *x, UsbDevice *d, unsigned code, uint64_t trb) {
    if (code != DONE && code != DONE_SHORT) {
        if (!d->gone) usb_fail(x, d);
        return;
    }
    uint64_t at = (trb - d->in.phys) / sizeof(Trb);
    if (trb < d->in.phys || at >= RING_SMALL - 1) return; // not of this ring
    uint64_t place = (d->in.trb[at].param - d->buffer_phys) / REPORT_ROOM;
    if (place >= IN_FLIGHT) return;
    uint8_t report[REPORT_BYTES];
    for (unsigned i = 0; i < REPORT_BYTES; i++)
        report[i] = d->buffer[place * REPORT_ROOM + i];
    take_report(d, report);
    ask_report(d, (unsigned)place);
    xhci_ring(x, d->slot, 2u * d->function.endpoint + 1);
}

// ---- from step to step

static void no_keyboard(Xhci *x, UsbDevice *d) {
    *tries_of(x, d) = 0;
    begin_remove(x, d);
}

static void next_step(Xhci *x, UsbDevice *d) {
    switch (d->step) {
    case STEP_RECOVER:
        begin_command(x, d, STEP_ENABLE, TRB_ENABLE_SLOT, 0);
        break;
    case STEP_ENABLE:
        begin_address(x, d);
        break;
    case STEP_ADDRESS:
        usb_begin(d, STEP_SETTLE, SETTLE_NS);
        break;
    case STEP_SETTLE:
        usb_control(x, d, STEP_DEVICE, SETUP(0x80, 6, 0x0100, 0, 8));
        break;
    case STEP_DEVICE: {
        uint8_t packet = d->buffer[7];
        if (d->speed == SPEED_FULL && packet != d->packet0 &&
            (packet == 16 || packet == 32 || packet == 64)) {
            d->packet0 = packet;
            begin_evaluate(x, d);
            break;
        }
    } // fall through
    case STEP_EVALUATE:
        usb_control(x, d, STEP_LENGTH, SETUP(0x80, 6, 0x0200, 0, 9));
        break;
    case STEP_LENGTH:
        d->config_bytes = (uint16_t)(d->buffer[2] | d->buffer[3] << 8);
        if (d->config_bytes > CONFIG_MAX) d->config_bytes = CONFIG_MAX;
        if (d->config_bytes < 9)
            usb_fail(x, d);
        else
            usb_control(x, d, STEP_CONFIG, SETUP(0x80, 6, 0x0200, 0, d->config_bytes));
        break;
    case STEP_CONFIG:
        if (!usb_find_function(d->buffer, d->config_bytes, &d->function) ||
            d->function.packet > REPORT_PACKET_MAX || (d->function.hub && d->tier == HUB_TIERS))
            no_keyboard(x, d);
        else
            usb_control(x, d, STEP_SET_CONFIG, SETUP(0, 9, d->function.configuration, 0, 0));
        break;
    case STEP_SET_CONFIG:
        if (d->function.hub)
            usb_control(x, d, STEP_HUB_DESCRIPTOR, SETUP(0xa0, 6, 0x2900, 0, 8));
        else
            begin_endpoint(x, d);
        break;
    case STEP_HUB_DESCRIPTOR:
        hub_described(x, d);
        if (d->h.ports)
            begin_endpoint(x, d);
        else
            usb_fail(x, d);
        break;
    case STEP_ENDPOINT: // 0: the boot protocol, reports of 8 bytes whose meaning is known
        if (d->function.hub) {
            *tries_of(x, d) = 0;
            hub_power(x, d);
            break;
        }
        usb_control(x, d, STEP_PROTOCOL, SETUP(0x21, 11, 0, d->function.interface, 0));
        break;
    case STEP_PROTOCOL:
        begin_typing(x, d);
        break;
    default:
        hub_next_step(x, d);
        break;
    }
}

UsbDevice *usb_device_behind(Xhci *x, const UsbDevice *hub, unsigned port) {
    for (int i = 0; i < XHCI_DEVICES; i++) {
        UsbDevice *d = &x->device[i];
        if (d->step != STEP_FREE && d->hub == hub && (hub ? d->hub_port : d->port) == port) return d;
    }
    return NULL;
}

static UsbDevice *device_at(Xhci *x, unsigned port) {
    return usb_device_behind(x, NULL, port);
}

void xhci_command_done(Xhci *x, unsigned code, unsigned slot) {
    UsbDevice *d = x->work;
    if (!d) return;
    if (d->step == STEP_REMOVE) {
        forget(x, d); // whatever it said: there is nothing else to do
        return;
    }
    if (d->step == STEP_ENABLE && code == DONE) {
        if (slot < 1 || slot > XHCI_DEVICES) {
            xhci_die(x, "the USB controller made up a slot; its keyboards are lost");
            return;
        }
        d->slot = (uint8_t)slot;
    }
    if (code != DONE || d->gone)
        usb_fail(x, d);
    else
        next_step(x, d);
}

// Steps that nothing but time ends.
static bool passes_time(const UsbDevice *d) {
    return d->step == STEP_RECOVER || d->step == STEP_SETTLE || d->step == STEP_HUB_GOOD ||
           d->step == STEP_PORT_SETTLE || d->step == STEP_PORT_WAIT;
}

void xhci_transfer_done(Xhci *x, unsigned slot, unsigned endpoint, unsigned code, uint64_t trb) {
    for (int i = 0; slot && i < XHCI_DEVICES; i++) {
        UsbDevice *d = &x->device[i];
        if (d->step == STEP_FREE || d->slot != slot) continue;
        bool reports =
            d->step >= STEP_HUB_POWER && d->step != STEP_REMOVE && endpoint == 2u * d->function.endpoint + 1;
        if (reports && d->function.hub) {
            hub_report_came(x, d, code);
        } else if (reports) {
            // Commands are one at a time: a keyboard in trouble waits until the device at work is done.
            if (code != DONE && code != DONE_SHORT && x->work) {
                d->gone = true;
                usb_look_again(x, d);
            } else
                report_came(x, d, code, trb);
        } else if (endpoint == 1 && d == x->work && d->step >= STEP_DEVICE && d->step <= STEP_PORT_DONE &&
                   !passes_time(d) && !x->command_sent) {
            if ((code == DONE || code == DONE_SHORT) && !d->gone)
                next_step(x, d);
            else
                usb_fail(x, d);
        }
    }
}

void xhci_port_changed(Xhci *x, unsigned port) {
    volatile uint32_t *sc = xhci_portsc(x, port);
    uint32_t v = *sc;
    *sc = (v & PORT_KEPT) | (v & PORT_CHANGES);
    UsbDevice *d = device_at(x, port);
    if (v & PORT_CONNECT_CHANGE) {
        x->tries[port] = 0;
        x->pending[port] = 1; // also after it went: it may be another one
        x->settle_at = clock_now_ns() + DEBOUNCE_NS;
        if (d && d->step != STEP_REMOVE) usb_mark_gone(x, d);
        if (d == x->work && d && d->step <= STEP_RECOVER) begin_remove(x, d); // nothing under way
        return;
    }
    if ((v & PORT_RESET_CHANGE) && d && d == x->work && d->step == STEP_RESET) {
        unsigned speed = speed_of(v);
        if (v & PORT_ENABLED && speed >= SPEED_FULL && speed <= SPEED_HIGH)
            usb_reset_done(d, speed);
        else
            usb_fail(x, d);
    }
}

// ---- what waits, what took too long

UsbDevice *usb_new(Xhci *x, unsigned port, UsbDevice *hub, unsigned hub_port) {
    for (int i = 0; i < XHCI_DEVICES; i++) {
        UsbDevice *d = &x->device[i];
        if (d->step != STEP_FREE) continue;
        d->port = (uint8_t)port;
        d->hub = hub;
        d->hub_port = (uint8_t)hub_port;
        d->tier = hub ? (uint8_t)(hub->tier + 1) : 0;
        d->route = hub ? hub->route | hub_port << 4 * hub->tier : 0;
        d->tt_slot = d->tt_port = 0;
        d->h.ports = 0;
        d->function = (UsbFunction){0};
        return d;
    }
    rt_printf("USB port %u: more devices than %d\n", port, XHCI_DEVICES);
    return NULL;
}

void usb_reset_done(UsbDevice *d, unsigned speed) {
    d->speed = (uint8_t)speed;
    if (d->hub && speed != SPEED_HIGH) { // a hub of high speed translates, or one nearer to the controller
        bool here = d->hub->speed == SPEED_HIGH;
        d->tt_slot = here ? d->hub->slot : d->hub->tt_slot;
        d->tt_port = here ? d->hub_port : d->hub->tt_port;
    }
    usb_begin(d, STEP_RECOVER, RECOVER_NS);
}

static void look_at_port(Xhci *x, unsigned port) {
    volatile uint32_t *sc = xhci_portsc(x, port);
    uint32_t v = *sc;
    x->pending[port] = 0;
    if (!(v & PORT_CONNECTED) || device_at(x, port)) return;
    if ((v & PORT_ENABLED) && speed_of(v) >= SPEED_SUPER)
        return; // trained by itself: a port of USB 3, where no keyboards are
    UsbDevice *d = usb_new(x, port, NULL, 0);
    if (!d) return;
    x->work = d;
    usb_begin(d, STEP_RESET, STEP_NS);
    *sc = (v & PORT_KEPT) | PORT_RESET;
}

static bool at_work(const UsbDevice *d) {
    return d->step == STEP_TYPES || d->step == STEP_HUB;
}

static void begin_what_waits(Xhci *x, int64_t now) {
    for (int i = 0; i < XHCI_DEVICES && !x->work; i++)
        if (at_work(&x->device[i]) && x->device[i].gone && !has_devices_behind(x, &x->device[i]))
            begin_remove(x, &x->device[i]);
    if (now < x->settle_at) return;
    for (unsigned port = 1; port <= x->ports && !x->work; port++)
        if (x->pending[port]) look_at_port(x, port);
    for (int i = 0; i < XHCI_DEVICES && !x->work; i++) {
        UsbDevice *d = &x->device[i];
        if (d->step == STEP_HUB && !d->gone && d->h.pending) hub_look(x, d);
    }
}

static void over_time(Xhci *x, UsbDevice *d) {
    if (passes_time(d))
        next_step(x, d);
    else if (x->command_sent)
        xhci_die(x, "the USB controller does not answer; its keyboards are lost");
    else
        usb_fail(x, d);
}

void xhci_work(Xhci *x, int64_t now) {
    UsbDevice *d = x->work;
    if (d && d->deadline <= now) over_time(x, d);
    if (!x->dead && !x->work) begin_what_waits(x, now);
}

int64_t xhci_next(const Xhci *x) {
    if (x->work) return x->work->deadline;
    bool pending = false;
    for (unsigned port = 1; port <= x->ports; port++)
        pending |= x->pending[port];
    for (int i = 0; i < XHCI_DEVICES; i++) {
        const UsbDevice *d = &x->device[i];
        if (at_work(d) && d->gone) return 0; // at once
        pending |= d->step == STEP_HUB && d->h.pending;
    }
    return pending ? x->settle_at : TIME_NEVER;
}
