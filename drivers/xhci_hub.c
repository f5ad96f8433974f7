// xhci_hub.c -- a USB hub: its ports are asked and told by control transfers (USB 2.0, chapter 11).
//
// A hub goes through the first steps of any device (xhci_port.c), then gives power to its ports and looks at
// each. From then on it is a device at work (STEP_HUB) that tells of changes by its interrupt endpoint. A
// look at one port makes the hub the controller's work again: its status is read, each change is
// acknowledged, and where something was plugged in, the port is reset; what is there then is the work, and
// goes through the steps of any device.
//
// The endpoint is asked only when no port waits for its look: a hub repeats what was not acknowledged.
// A port is reset only when something was plugged in, or when the device there is to be tried again
// (`wanted`): otherwise the reset of a device that is no keyboard would be answered by another one.
//
// Hubs of USB 3 are two hubs in one; this is the one of USB 2 and before, where keyboards are.
#include "drivers/xhci.h"

enum { // requests to a port: features, changes from 16 on
    PORT_FEATURE_RESET = 4,
    PORT_FEATURE_POWER = 8,
    PORT_FEATURE_CHANGES = 16,
};
enum { // status and change of a port
    HUB_CONNECTED = 1,
    HUB_ENABLED = 2,
    HUB_RESETTING = 1 << 4,
    HUB_LOW_SPEED = 1 << 9,
    HUB_HIGH_SPEED = 1 << 10,
    HUB_CHANGES = 0x1f, // connection, enabling, suspension, current, reset
    HUB_CHANGE_CONNECTED = 1,
};
enum { SET_FEATURE = 3, CLEAR_FEATURE = 1, TO_PORT = 0x23, FROM_PORT = 0xa3 };
enum {
    GOOD_LEAST_NS = 100000000, // also what a device that was plugged in may take to be there
    GOOD_UNIT_NS = 2000000,
    SETTLE_NS = 100000000,
    RESET_LOOK_NS = 20000000,
    RESET_LOOKS_MAX = 25,
    REPORT_AT = 2048, // in the buffer, behind what control transfers use
};

static void ask_status(Xhci *x, UsbDevice *d, Step step) {
    usb_control(x, d, step, SETUP(FROM_PORT, 0, 0, d->h.at, 4));
}

static void tell_port(Xhci *x, UsbDevice *d, Step step, unsigned request, unsigned feature) {
    usb_control(x, d, step, SETUP(TO_PORT, request, feature, d->h.at, 0));
}

// ---- begin and end of work

void hub_described(Xhci *x, UsbDevice *d) {
    unsigned ports = d->buffer[0] >= 7 ? d->buffer[2] : 0;
    d->h.ports = (uint8_t)(ports > HUB_PORTS ? HUB_PORTS : ports); // the rest has no place in a route
    d->h.think = d->buffer[3] >> 5 & 3;
    d->h.good = d->buffer[5];
    d->h.pending = d->h.wanted = 0;
    d->h.armed = false;
    for (unsigned port = 0; port <= HUB_PORTS; port++)
        d->h.tries[port] = 0;
}

void hub_power(Xhci *x, UsbDevice *d) {
    d->h.at = 1;
    tell_port(x, d, STEP_HUB_POWER, SET_FEATURE, PORT_FEATURE_POWER);
}

// The look is over, or it never began.
static void rest(Xhci *x, UsbDevice *d) {
    d->step = STEP_HUB;
    d->deadline = TIME_NEVER;
    if (x->work == d) x->work = NULL;
    if (d->h.pending || d->h.armed) return;
    d->h.armed = true;
    ring_put(&d->in, d->buffer_phys + REPORT_AT, d->function.packet, TRB_NORMAL << 10 | 1 << 5 | 1 << 2);
    xhci_ring(x, d->slot, 2u * d->function.endpoint + 1);
}

void hub_report_came(Xhci *x, UsbDevice *d, unsigned code) {
    d->h.armed = false;
    if (d->gone) return;
    if (code != DONE && code != DONE_SHORT) { // it is given up when nothing else is under way
        usb_fail_at_work(x, d);
        return;
    }
    unsigned bits = d->buffer[REPORT_AT] | (d->function.packet > 1 ? d->buffer[REPORT_AT + 1] << 8 : 0);
    d->h.pending |= (uint16_t)(bits & ((2u << d->h.ports) - 2)); // bit 0 is the hub itself
    if (d->step == STEP_HUB) rest(x, d);
}

void hub_try_again(UsbDevice *d, unsigned port) {
    d->h.pending |= (uint16_t)(1u << port);
    d->h.wanted |= (uint16_t)(1u << port);
}

// ---- a look at a port

void hub_look(Xhci *x, UsbDevice *d) {
    d->h.at = (uint8_t)__builtin_ctz(d->h.pending);
    d->h.pending &= (uint16_t) ~(1u << d->h.at);
    x->work = d;
    ask_status(x, d, STEP_PORT_STATUS);
}

static void take_status(UsbDevice *d) {
    d->h.status = (uint16_t)(d->buffer[0] | d->buffer[1] << 8);
    d->h.change = (uint16_t)(d->buffer[2] | d->buffer[3] << 8) & HUB_CHANGES;
}

// What was seen is acknowledged, one change a request. False: nothing is left to acknowledge.
static bool acknowledge(Xhci *x, UsbDevice *d, Step step) {
    if (!d->h.change) return false;
    unsigned change = (unsigned)__builtin_ctz(d->h.change);
    d->h.change &= (uint16_t)(d->h.change - 1);
    tell_port(x, d, step, CLEAR_FEATURE, PORT_FEATURE_CHANGES + change);
    return true;
}

// Status and changes are known, the changes acknowledged.
static void judge(Xhci *x, UsbDevice *d) {
    uint16_t bit = (uint16_t)(1u << d->h.at);
    bool connected = d->h.status & HUB_CONNECTED, wanted = d->h.wanted & bit;
    UsbDevice *there = usb_device_behind(x, d, d->h.at);
    if (there && (wanted || !connected)) { // it has gone; perhaps another one came
        usb_mark_gone(x, there);
        if (connected) d->h.pending |= bit;
        rest(x, d);
    } else if (!there && connected && wanted) {
        d->h.wanted &= (uint16_t)~bit;
        usb_begin(d, STEP_PORT_SETTLE, SETTLE_NS);
    } else {
        d->h.wanted &= (uint16_t)~bit;
        rest(x, d);
    }
}

static void after_reset(Xhci *x, UsbDevice *d) {
    unsigned port = d->h.at;
    bool same = !(d->h.wanted >> port & 1); // else it was unplugged meanwhile
    bool enabled = d->h.status & HUB_ENABLED, connected = d->h.status & HUB_CONNECTED;
    UsbDevice *there = same && enabled ? usb_new(x, d->port, d, port) : NULL;
    if (same && connected && !enabled) {
        if (++d->h.tries[port] < USB_TRIES_MAX)
            hub_try_again(d, port);
        else
            usb_say_given_up(d->port, usb_route(d, port));
    }
    rest(x, d);
    if (!there) return;
    x->work = there;
    usb_reset_done(there, d->h.status & HUB_LOW_SPEED    ? SPEED_LOW
                          : d->h.status & HUB_HIGH_SPEED ? SPEED_HIGH
                                                         : SPEED_FULL);
}

void hub_next_step(Xhci *x, UsbDevice *d) {
    switch (d->step) {
    case STEP_HUB_POWER:
        if (d->h.at < d->h.ports) {
            d->h.at++;
            tell_port(x, d, STEP_HUB_POWER, SET_FEATURE, PORT_FEATURE_POWER);
            break;
        }
        usb_begin(d, STEP_HUB_GOOD, GOOD_LEAST_NS + d->h.good * GOOD_UNIT_NS);
        break;
    case STEP_HUB_GOOD:
        d->h.pending = d->h.wanted = (uint16_t)((2u << d->h.ports) - 2);
        rest(x, d);
        break;
    case STEP_PORT_STATUS:
        take_status(d);
        if (d->h.change & HUB_CHANGE_CONNECTED) {
            d->h.wanted |= (uint16_t)(1u << d->h.at);
            d->h.tries[d->h.at] = 0;
        } // fall through
    case STEP_PORT_CLEAR:
        if (!acknowledge(x, d, STEP_PORT_CLEAR)) judge(x, d);
        break;
    case STEP_PORT_SETTLE:
        d->h.looks = 0;
        tell_port(x, d, STEP_PORT_RESET, SET_FEATURE, PORT_FEATURE_RESET);
        break;
    case STEP_PORT_RESET:
        usb_begin(d, STEP_PORT_WAIT, RESET_LOOK_NS);
        break;
    case STEP_PORT_WAIT:
        ask_status(x, d, STEP_PORT_RESULT);
        break;
    case STEP_PORT_RESULT:
        take_status(d);
        if ((d->h.status & HUB_RESETTING) && ++d->h.looks < RESET_LOOKS_MAX) {
            usb_begin(d, STEP_PORT_WAIT, RESET_LOOK_NS);
            break;
        }
        if (d->h.change & HUB_CHANGE_CONNECTED) // unplugged in between: looked at anew
            hub_try_again(d, d->h.at);
        // fall through
    case STEP_PORT_DONE:
        if (!acknowledge(x, d, STEP_PORT_DONE)) after_reset(x, d);
        break;
    default:
        break;
    }
}
