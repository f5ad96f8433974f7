// usb_desc.h -- what a USB device's configuration descriptor says about a keyboard. Pure; the descriptor is
// not trusted.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct UsbKeyboard {
    uint8_t configuration, interface; // numbers for SET_CONFIGURATION and SET_PROTOCOL
    uint8_t endpoint;                 // 1 to 15, interrupt, in
    uint8_t interval;                 // as the descriptor has it; at least 1
    uint16_t packet;                  // bytes, 8 to 1024
} UsbKeyboard;

// The first interface of a keyboard that speaks the boot protocol (HID 1.11, appendix B), in n bytes of
// descriptors. False: none.
bool usb_find_keyboard(const uint8_t *bytes, size_t n, UsbKeyboard *out);
