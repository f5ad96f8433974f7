// xhci_setup.c -- a USB device between reset and work: it gets a slot and an address, is asked what it is,
// and is configured if it is a keyboard or a hub. Each step begins a command or a control transfer;
// usb_next_step, when that has succeeded, the one behind it.
#include "drivers/xhci.h"

enum { CONFIG_MAX = 1024, REPORT_PACKET_MAX = 64 };
enum { STEP_NS = 500000000, COMMAND_NS = 2000000000, SETTLE_NS = 10000000 };

// One of the input context's parts: 0 says which of the others count, 1 is the slot, from 2 on the endpoints.
static uint32_t *context_at(const Xhci *x, const UsbDevice *d, unsigned index) {
    return (uint32_t *)(d->input + index * x->context_bytes);
}

void usb_begin(UsbDevice *d, Step step, int64_t ns) {
    d->step = step;
    d->deadline = clock_now_ns() + ns;
}

void usb_command(Xhci *x, UsbDevice *d, Step step, unsigned type, uint64_t param) {
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
    usb_command(x, d, STEP_ADDRESS, TRB_ADDRESS, d->input_phys);
}

// The device says how long its packets are; a full-speed one may differ from what was assumed.
static void begin_evaluate(Xhci *x, UsbDevice *d) {
    clear_input(d);
    context_at(x, d, 0)[1] = 2;
    put_endpoint_context(context_at(x, d, 2), 4, 0, d->packet0, &d->control);
    usb_command(x, d, STEP_EVALUATE, TRB_EVALUATE, d->input_phys);
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
    usb_command(x, d, STEP_ENDPOINT, TRB_CONFIGURE, d->input_phys);
}

void usb_next_step(Xhci *x, UsbDevice *d) {
    switch (d->step) {
    case STEP_RECOVER:
        usb_command(x, d, STEP_ENABLE, TRB_ENABLE_SLOT, 0);
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
            usb_leave(x, d);
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
            d->works_since = clock_now_ns();
            hub_power(x, d);
            break;
        }
        usb_control(x, d, STEP_PROTOCOL, SETUP(0x21, 11, 0, d->function.interface, 0));
        break;
    case STEP_PROTOCOL:
        usb_keyboard_begin(x, d);
        break;
    default:
        hub_next_step(x, d);
        break;
    }
}
