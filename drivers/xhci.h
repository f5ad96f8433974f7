// xhci.h -- a USB host controller (xHCI 1.2), shared by its two halves: xhci.c, the controller: rings,
// commands, events; and xhci_port.c, what happens at its ports: a device comes, is asked what it is, types,
// goes.
//
// Context of all of it after the probe: boot core, interrupts off; no locks.
#pragma once
#include "drivers/pci.h"
#include "drivers/usb_desc.h"

enum { XHCI_DEVICES = 8, XHCI_PORTS = 256, RING_SMALL = 32, RING_PAGE = 256 };

// What controller and driver tell each other (xHCI 4.11), 16 bytes; `control` is written last: its lowest bit
// hands over.
typedef struct Trb {
    volatile uint64_t param;
    volatile uint32_t status, control;
} Trb;

typedef struct Ring {
    Trb *trb;
    uint64_t phys;
    uint32_t n, at, cycle; // the last entry leads back to the first
} Ring;

// What a device waits for. From STEP_RESET to STEP_PROTOCOL one device of a controller at a time: it is the
// controller's `work`.
typedef enum {
    STEP_FREE,
    STEP_RESET,   // of the port
    STEP_RECOVER, // time
    STEP_ENABLE,  // commands and control transfers
    STEP_ADDRESS,
    STEP_SETTLE, // time
    STEP_DEVICE,
    STEP_EVALUATE,
    STEP_LENGTH,
    STEP_CONFIG,
    STEP_SET_CONFIG,
    STEP_ENDPOINT,
    STEP_PROTOCOL,
    STEP_TYPES,  // a keyboard at work
    STEP_REMOVE, // its slot is given back
} Step;

typedef struct UsbDevice {
    Step step;
    uint8_t port, speed, slot; // port: from 1; speed: as PORTSC; slot 0: none yet
    bool gone;                 // unplugged
    int64_t deadline;          // of the step
    uint16_t packet0;          // bytes of a packet of endpoint 0
    uint16_t config_bytes;
    UsbKeyboard keyboard;
    uint8_t last[8]; // its report before
    Ring control, in;
    uint8_t *context, *input, *buffer; // device context, input context, transfers; a page each but the last
    uint64_t context_phys, input_phys, buffer_phys;
} UsbDevice;

typedef struct Xhci {
    const PciDevice *pci;
    volatile uint32_t *op, *run, *door;
    uint32_t ports, context_bytes;
    uint64_t *slots; // device contexts by slot
    Ring command;
    Trb *event;
    uint64_t event_phys;
    uint32_t event_at, event_cycle;
    uint64_t command_sent; // address of the command under way; 0: none
    UsbDevice device[XHCI_DEVICES], *work;
    uint8_t pending[XHCI_PORTS]; // by port: look what is there
    uint8_t tries[XHCI_PORTS];   // failures
    int64_t settle_at;           // pending ports are looked at from then on
    bool polled;                 // no interrupts: looked at now and then
    bool dead;
} Xhci;

enum {
    TRB_NORMAL = 1,
    TRB_SETUP,
    TRB_DATA,
    TRB_STATUS,
    TRB_LINK = 6,
    TRB_ENABLE_SLOT = 9,
    TRB_DISABLE_SLOT,
    TRB_ADDRESS,
    TRB_CONFIGURE,
    TRB_EVALUATE
};
enum { DONE = 1, DONE_SHORT = 13 }; // completion codes

// ---- xhci.c
uint64_t ring_put(Ring *r, uint64_t param, uint32_t status, uint32_t control); // address of the entry
void ring_clear(Ring *r);
void xhci_command(Xhci *x, uint64_t param, uint32_t control); // one at a time
void xhci_ring(Xhci *x, unsigned slot, unsigned target);      // the doorbell
volatile uint32_t *xhci_portsc(Xhci *x, unsigned port);
void xhci_die(Xhci *x, const char *why); // its devices are lost; told

// ---- xhci_port.c: told by the controller
void xhci_port_changed(Xhci *x, unsigned port);
void xhci_command_done(Xhci *x, unsigned code, unsigned slot);
void xhci_transfer_done(Xhci *x, unsigned slot, unsigned endpoint, unsigned code, uint64_t trb);
void xhci_work(Xhci *x, int64_t now); // begins what waits; ends what took too long
int64_t xhci_next(const Xhci *x);     // when xhci_work is needed though nothing is told
