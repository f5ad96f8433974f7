// xhci_keyboard.c -- a USB keyboard at work: its reports become keys.
//
// Some requests for reports are always out (IN_FLIGHT), so that none is missed while one is looked at.
// Reports are those of the boot protocol (HID 1.11, appendix B.1): a byte of modifiers, a byte that says
// nothing, six keys.
#include "drivers/xhci.h"
#include "drivers/keyboard.h"

enum {
    IN_FLIGHT = 4, // requests
    REPORT_BYTES = 8,
    REPORT_OVERFLOW = 1,
    KEYS_FIRST = 2
};

static void ask_report(UsbDevice *d, unsigned i) {
    for (unsigned k = 0; k < REPORT_BYTES; k++)
        d->buffer[i * REPORT_ROOM + k] = 0; // a short one says nothing of the rest
    ring_put(&d->in, d->buffer_phys + i * REPORT_ROOM, d->function.packet,
             TRB_NORMAL << 10 | 1 << 5 | 1 << 2);
}

void usb_keyboard_begin(Xhci *x, UsbDevice *d) {
    d->step = STEP_TYPES;
    d->deadline = TIME_NEVER;
    d->works_since = clock_now_ns();
    x->work = NULL;
    usb_say_keyboard(d, "");
    for (unsigned i = 0; i < IN_FLIGHT; i++)
        ask_report(d, i);
    xhci_ring(x, d->slot, 2u * d->function.endpoint + 1);
}

void usb_keyboard_let_go(UsbDevice *d) {
    for (unsigned k = 0; k < 8; k++)
        if (d->last[0] >> k & 1) keyboard_key((uint8_t)(KEY_CTRL_LEFT + k), false, true);
    for (unsigned i = KEYS_FIRST; i < REPORT_BYTES; i++)
        if (d->last[i]) keyboard_key(d->last[i], false, true);
    for (unsigned i = 0; i < REPORT_BYTES; i++)
        d->last[i] = 0;
}

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
void usb_keyboard_report_came(Xhci *x, UsbDevice *d, unsigned code, uint64_t trb) {
    if (code != DONE && code != DONE_SHORT) {
        usb_fail_at_work(x, d);
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
