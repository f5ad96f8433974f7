// usb_desc.h -- what a USB device's configuration descriptor says about a keyboard or a hub. Pure; the
// descriptor is not trusted.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct UsbFunction {
    bool hub;                         // else a keyboard
    uint8_t configuration, interface; // numbers for SET_CONFIGURATION and SET_PROTOCOL
    uint8_t endpoint;                 // 1 to 15, interrupt, in
    uint8_t interval;                 // as the descriptor has it; at least 1
    uint16_t packet;                  // bytes, 8 to 1024; of a hub 1 to 1024
} UsbFunction;

// The first interface of a keyboard that speaks the boot protocol (HID 1.11, appendix B), or of a hub
// (USB 2.0, 11.23), in n bytes of descriptors. False: none.
bool usb_find_function(const uint8_t *bytes, size_t n, UsbFunction *out);
