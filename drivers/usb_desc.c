// usb_desc.c -- see usb_desc.h. Descriptors follow each other: length, type, content (USB 2.0, 9.5 and 9.6).
#include "drivers/usb_desc.h"

enum { CONFIGURATION = 2, INTERFACE = 4, ENDPOINT = 5 };
enum { CLASS_HID = 3, CLASS_HUB = 9, SUBCLASS_BOOT = 1, PROTOCOL_KEYBOARD = 1 };
enum { ENDPOINT_IN = 0x80, TYPE_INTERRUPT = 3, REPORT_BYTES = 8, PACKET_MAX = 1024 };

static bool endpoint_fits(const uint8_t *d, UsbFunction *out) {
    uint16_t packet = (uint16_t)((d[4] | d[5] << 8) & 0x7ff);
    if (!(d[2] & ENDPOINT_IN) || (d[3] & 3) != TYPE_INTERRUPT || (d[2] & 15) == 0) return false;
    if (packet < (out->hub ? 1 : REPORT_BYTES) || packet > PACKET_MAX) return false;
    out->endpoint = d[2] & 15;
    out->packet = packet;
    out->interval = d[6] ? d[6] : 1;
    return true;
}

bool usb_find_function(const uint8_t *p, size_t n, UsbFunction *out) {
    bool ours = false; // the interface that we are in
    *out = (UsbFunction){0};
    for (size_t at = 0; at + 2 <= n;) {
        const uint8_t *d = p + at;
        size_t length = d[0];
        if (length < 2 || length > n - at) return false;
        if (d[1] == CONFIGURATION && length >= 6) out->configuration = d[5];
        if (d[1] == INTERFACE) {
            bool whole = length >= 9 && d[3] == 0;
            out->hub = whole && d[5] == CLASS_HUB;
            ours = out->hub ||
                   (whole && d[5] == CLASS_HID && d[6] == SUBCLASS_BOOT && d[7] == PROTOCOL_KEYBOARD);
            if (ours) out->interface = d[2];
        }
        if (d[1] == ENDPOINT && length >= 7 && ours && endpoint_fits(d, out)) return true;
        at += length;
    }
    return false;
}
