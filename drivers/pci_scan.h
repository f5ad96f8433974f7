// pci_scan.h -- what is on the PCI buses: the parts that only read and write configuration space.
//
// Pure: configuration space is reached through two callbacks, nothing is allocated and nothing else is
// touched, so the kernel runs this over the machine (pci.c), and unit tests and a fuzzer over an invented
// one. Configuration space is not trusted: every walk over it is bounded, and what is refused is told by
// name.
//
// Source of the facts: PCI Local Bus Specification 3.0, chapter 6; PCI Express Base Specification, chapter 7.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PCI_BARS = 6, PCI_DEVICES_MAX = 192 };

typedef struct PciAddress {
    uint16_t segment;
    uint8_t bus, dev, fn; // dev < 32, fn < 8
} PciAddress;

// 32 bits at `offset` (a multiple of 4, < 256). Reading where nothing is gives all ones.
typedef struct PciAccess {
    uint32_t (*read)(void *ctx, PciAddress at, unsigned offset);
    void (*write)(void *ctx, PciAddress at, unsigned offset, uint32_t value);
    // Told what is refused: constant text.
    void (*refuse)(void *ctx, PciAddress at, const char *why);
    void *ctx;
} PciAccess;

typedef struct PciDevice {
    PciAddress at;
    uint16_t vendor, device;
    uint32_t class_code; // class << 16 | subclass << 8 | programming interface
    uint8_t header;      // 0: device, 1: bridge, 2: CardBus
} PciDevice;

typedef struct PciList {
    PciDevice device[PCI_DEVICES_MAX];
    unsigned count, lost; // lost: beyond PCI_DEVICES_MAX
    unsigned buses;       // that had a device
    uint16_t segment;     // that was scanned last, and its buses that have been: a bit each
    uint8_t seen[32];
} PciList;

// Adds the devices of buses first to last of one segment: those of bus `first`, and of each bus that a bridge
// leads to. A bus is visited once, whatever the bridges say, and also by several calls for one segment. Reads
// only.
void pci_scan(const PciAccess *access, uint16_t segment, unsigned first, unsigned last, PciList *list);

// Offset of the first capability `id` of a device; 0: none.
unsigned pci_find_cap(const PciAccess *access, PciAddress at, uint8_t id);

typedef struct PciBar {
    uint64_t base, bytes;
    bool io, prefetch;
} PciBar;
// Where base address register `index` decodes, and how much: for that, decoding is off for a moment. False:
// there is none, or it is not assigned, or wrong (told).
bool pci_bar(const PciAccess *access, const PciDevice *device, unsigned index, PciBar *bar);

// The device may read and write memory and its registers answer.
void pci_enable(const PciAccess *access, PciAddress at);

enum { PCI_CAP_MSI = 0x05, PCI_CAP_MSIX = 0x11 };
// Lets a device interrupt core `apic_id` with `vector`, by its only or first message. False: it has no MSI.
bool pci_msi_set(const PciAccess *access, PciAddress at, uint8_t vector, uint8_t apic_id);
// Where the table of a device's MSI-X messages is. False: none, or it does not lie in its register block
// (told).
typedef struct PciMsix {
    unsigned cap, entries;
    unsigned bar;
    uint32_t offset; // in it
} PciMsix;
bool pci_msix_find(const PciAccess *access, const PciDevice *device, PciMsix *msix);
// The capability is on (or off) as a whole; `masked`: but no message goes out yet.
void pci_msix_control(const PciAccess *access, PciAddress at, const PciMsix *msix, bool on, bool masked);
