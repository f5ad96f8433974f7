// xhci_port.c -- what happens at a USB controller's ports: a device comes, is asked what it is
// (xhci_setup.c), types (xhci_keyboard.c), fails, goes.
//
// Nothing here waits. A device goes through the steps of xhci.h; each begins something (a command, a
// transfer, a reset, a time to let pass) and ends when the controller tells of it, or at its deadline, which
// is a failure. Devices that are no keyboards are left again. Hubs are followed (xhci_hub.c), with what is
// behind them.
//
// A device that fails is begun with again, from the reset of its port: during set-up, but also when it has
// worked (a disturbance on the cable ends a transfer). After USB_TRIES_MAX failures its place is left alone
// until something is plugged in there, and that is told. Having worked does not wipe out failures, or a
// device that fails at its first report would be begun with for ever; having worked for FORGIVEN_NS does.
//
// One device at a time is between reset and work (`work`): the commands are then one at a time, too, and on
// the bus only one device answers to address 0.
#include "drivers/xhci.h"

enum { RESET_NS = 500000000, RECOVER_NS = 20000000, DEBOUNCE_NS = 100000000 };
#define FORGIVEN_NS 600000000000

static unsigned speed_of(uint32_t portsc) {
    return portsc >> 10 & 15;
}

// Where a device is plugged in: the controller's port, then those of the hubs on the way: "5.2".
static void say_place(const char *before, unsigned port, uint32_t route, const char *after) {
    rt_printf("%s%u", before, port);
    for (; route; route >>= 4)
        rt_printf(".%u", route & 15);
    rt_printf("%s\n", after);
}

void usb_say_keyboard(const UsbDevice *d, const char *what) {
    say_place("keys:   USB keyboard at port ", d->port, d->route, what);
}

void usb_say_given_up(unsigned port, uint32_t route) {
    say_place("USB port ", port, route,
              ": the device does not answer as it should; left alone until something is plugged in");
}

static uint8_t *tries_of(Xhci *x, const UsbDevice *d) {
    return d->hub ? &d->hub->h.tries[d->hub_port] : &x->tries[d->port];
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
    if (d->step == STEP_TYPES) usb_say_keyboard(d, d->failed ? " has failed" : " is gone");
    usb_keyboard_let_go(d);
    x->work = d;
    if (d->slot)
        usb_command(x, d, STEP_REMOVE, TRB_DISABLE_SLOT, 0);
    else
        forget(x, d);
}

static void look_again(Xhci *x, const UsbDevice *d) {
    if (d->hub)
        hub_try_again(d->hub, d->hub_port);
    else
        x->pending[d->port] = 1;
}

static void count_failure(Xhci *x, UsbDevice *d) {
    uint8_t *tries = tries_of(x, d);
    int64_t now = clock_now_ns();
    d->failed = true;
    if (now - d->works_since >= FORGIVEN_NS) *tries = 0;
    if (++*tries < USB_TRIES_MAX) {
        look_again(x, d);
        x->settle_at = now + DEBOUNCE_NS;
    } else {
        usb_say_given_up(d->port, d->route);
    }
}

void usb_fail(Xhci *x, UsbDevice *d) {
    if (!d->gone) count_failure(x, d);
    begin_remove(x, d);
}

void usb_fail_at_work(Xhci *x, UsbDevice *d) {
    if (d->gone) return;
    count_failure(x, d);
    usb_mark_gone(x, d);
}

void usb_leave(Xhci *x, UsbDevice *d) {
    *tries_of(x, d) = 0;
    begin_remove(x, d);
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
        usb_next_step(x, d);
}

bool usb_passes_time(const UsbDevice *d) {
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
            usb_keyboard_report_came(x, d, code, trb);
        } else if (endpoint == 1 && d == x->work && d->step >= STEP_DEVICE && d->step <= STEP_PORT_DONE &&
                   !usb_passes_time(d) && !x->command_sent) {
            if ((code == DONE || code == DONE_SHORT) && !d->gone)
                usb_next_step(x, d);
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
        d->route = hub ? usb_route(hub, hub_port) : 0;
        d->tt_slot = d->tt_port = 0;
        d->h.ports = 0;
        d->function = (UsbFunction){0};
        d->failed = false;
        d->works_since = TIME_NEVER;
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
    usb_begin(d, STEP_RESET, RESET_NS);
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
    if (usb_passes_time(d))
        usb_next_step(x, d);
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
