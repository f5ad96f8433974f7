// earlyport.h -- last words before the kernel has drivers: text on COM1, and QEMU's exit with a failure.
//
// Used by both ways in, only for a boot that ends here. Everything is bounded: a machine without a COM port
// loses the text, not the time (a missing port reads as 0xff, "ready").
#pragma once
#include <stdint.h>

#define COM1_DATA       0x3f8
#define COM1_LINE       0x3fd // line status; bit 5: the transmit register is empty
#define FW_CFG_SELECTOR 0x510
#define FW_CFG_DATA     0x511
#define DEBUG_EXIT      0xf4 // QEMU's isa-debug-exit: writing v ends QEMU with status 2v + 1

static inline void port_out8(uint16_t port, uint8_t v) {
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}
static inline void port_out16(uint16_t port, uint16_t v) {
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}
static inline uint8_t port_in8(uint16_t port) {
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

// 115200 baud, 8N1, no interrupts: for a port that no firmware has set up.
static inline void early_serial_init(void) {
    port_out8(COM1_DATA + 1, 0);    // interrupts off
    port_out8(COM1_DATA + 3, 0x80); // divisor latch
    port_out8(COM1_DATA, 1);
    port_out8(COM1_DATA + 1, 0);
    port_out8(COM1_DATA + 3, 3); // 8N1
    port_out8(COM1_DATA + 2, 7); // FIFOs on and empty
}

static inline void early_putc(char c) {
    for (unsigned turns = 0; turns < 100000 && !(port_in8(COM1_LINE) & 0x20); turns++) {
    }
    port_out8(COM1_DATA, (uint8_t)c);
}

static inline void early_puts(const char *s) {
    for (; *s; s++) {
        if (*s == '\n') early_putc('\r');
        early_putc(*s);
    }
}

// Is this QEMU? fw_cfg's item 0 is the signature "QEMU"; other machines answer the port with anything else.
static inline int early_in_qemu(void) {
    static const char signature[4] = {'Q', 'E', 'M', 'U'};
    port_out16(FW_CFG_SELECTOR, 0);
    for (unsigned i = 0; i < sizeof signature; i++)
        if (port_in8(FW_CFG_DATA) != (uint8_t)signature[i]) return 0;
    return 1;
}

// Ends QEMU with status 3 when it has the debug-exit device; returns otherwise. Other machines may have
// another device at that port, so nobody writes to it before the signature was seen.
static inline void early_exit_failed(void) {
    if (early_in_qemu()) port_out8(DEBUG_EXIT, 1);
}
