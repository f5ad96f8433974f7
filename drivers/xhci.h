// xhci.h -- a USB host controller (xHCI 1.2), shared by its parts: xhci.c, the controller: rings, commands,
// events; xhci_port.c, what happens at its ports: a device comes, fails, goes; xhci_setup.c, it is asked what
// it is; xhci_keyboard.c, it types; and xhci_hub.c, the ports of a hub.
//
// Context of all of it after the probe: boot core, interrupts off; no locks.
#pragma once
#include "drivers/pci.h"
#include "drivers/usb_desc.h"

enum {
    XHCI_DEVICES = 16,
    HUB_PORTS = 15,
    HUB_TIERS = 5,
    USB_TRIES_MAX = 3,
    XHCI_PORTS = 256,
    RING_SMALL = 32,
    RING_PAGE = 256,
    REPORT_ROOM = 64 // bytes in a keyboard's buffer for one report
};
enum { // PORTSC
    PORT_CONNECTED = 1,
    PORT_ENABLED = 2,
    PORT_RESET = 1 << 4,
    PORT_POWER = 1 << 9,
    PORT_CONNECT_CHANGE = 1 << 17,
    PORT_RESET_CHANGE = 1 << 21,
    PORT_CHANGES = 0x7f << 17, // written as ones they are acknowledged
    PORT_KEPT = 0x0e00c200,    // what a write must repeat: power, light, wake-up
};

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

// What a device waits for. From STEP_RESET to STEP_PORT_DONE one device of a controller at a time: it is the
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
    STEP_HUB_DESCRIPTOR, // of a hub: how many ports
    STEP_ENDPOINT,
    STEP_PROTOCOL,
    STEP_HUB_POWER,   // of a hub: each port gets power
    STEP_HUB_GOOD,    // time
    STEP_PORT_STATUS, // a hub is asked about one of its ports
    STEP_PORT_CLEAR,  // and told that its changes were seen
    STEP_PORT_SETTLE, // time
    STEP_PORT_RESET,
    STEP_PORT_WAIT, // time
    STEP_PORT_RESULT,
    STEP_PORT_DONE,
    STEP_TYPES,  // a keyboard at work
    STEP_HUB,    // a hub at work
    STEP_REMOVE, // its slot is given back
} Step;

typedef struct UsbDevice {
    Step step;
    uint8_t port, speed, slot; // port: the controller's, from 1; speed: as PORTSC; slot 0: none yet
    bool gone;                 // unplugged, or failed at work
    bool failed;               // its failure has been counted
    int64_t works_since;       // a keyboard types, a hub has been configured; TIME_NEVER: not yet
    struct UsbDevice *hub;     // that it is plugged into; NULL: the controller
    uint8_t hub_port, tier;    // of that hub, from 1; tier: hubs on the way
    uint32_t route;            // hubs' ports on the way, the first one lowest, 4 bits each
    uint8_t tt_slot, tt_port;  // the hub of high speed that translates for a slower device; 0: none
    int64_t deadline;          // of the step
    uint16_t packet0;          // bytes of a packet of endpoint 0
    uint16_t config_bytes;
    UsbFunction function;
    uint8_t last[8]; // its report before
    struct {
        uint8_t ports, think, good;   // good: of 2 ms, until power is on
        uint8_t at, looks;            // the port that is looked at; times that its reset was waited for
        uint16_t status, change;      // of that port
        uint16_t pending, wanted;     // bit n: port n is to be looked at; a device there is to be begun with
        uint8_t tries[HUB_PORTS + 1]; // as Xhci.tries
        bool armed;                   // it has been asked to tell of changes
    } h;                              // of a hub
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
    uint8_t tries[XHCI_PORTS];   // failures of what is plugged in there
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
    TRB_EVALUATE,
    TRB_NOTHING = 23
};
enum { DONE = 1, DONE_SHORT = 13 }; // completion codes
enum { SPEED_FULL = 1, SPEED_LOW, SPEED_HIGH, SPEED_SUPER };
// Standard and class requests: type, request, value, index, length as a setup packet's 8 bytes.
#define SETUP(type, request, value, index, length)                                                           \
    ((uint64_t)(type) | (uint64_t)(request) << 8 | (uint64_t)(value) << 16 | (uint64_t)(index) << 32 |       \
     (uint64_t)(length) << 48)

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

// ---- xhci_port.c: for the others
void usb_fail(Xhci *x,
              UsbDevice *d); // counted; given up, and begun with again some times. x->work or none is d
void usb_fail_at_work(Xhci *x, UsbDevice *d); // the same when nothing else is under way
void usb_leave(Xhci *x, UsbDevice *d);        // it is none of ours
bool usb_passes_time(const UsbDevice *d);     // its step is one that nothing but time ends
void usb_say_keyboard(const UsbDevice *d, const char *what);
void usb_say_given_up(unsigned port, uint32_t route);                          // what is plugged in there
void usb_mark_gone(Xhci *x, UsbDevice *d);                                     // with all that is behind it
UsbDevice *usb_device_behind(Xhci *x, const UsbDevice *hub, unsigned port);    // NULL: none
UsbDevice *usb_new(Xhci *x, unsigned port, UsbDevice *hub, unsigned hub_port); // NULL: too many; told
void usb_reset_done(UsbDevice *d, unsigned speed); // it has been reset; it is the controller's work now

// Of a device plugged into that port of the hub.
static inline uint32_t usb_route(const UsbDevice *hub, unsigned port) {
    return hub->route | port << 4 * hub->tier;
}

// ---- xhci_setup.c
void usb_begin(UsbDevice *d, Step step, int64_t ns); // the step ends at most ns from now
void usb_command(Xhci *x, UsbDevice *d, Step step, unsigned type, uint64_t param);
void usb_control(Xhci *x, UsbDevice *d, Step step, uint64_t setup);
void usb_next_step(Xhci *x, UsbDevice *d); // its step is over, and succeeded

// ---- xhci_keyboard.c
void usb_keyboard_begin(Xhci *x, UsbDevice *d); // it is set up
void usb_keyboard_let_go(UsbDevice *d);         // of all keys
void usb_keyboard_report_came(Xhci *x, UsbDevice *d, unsigned code, uint64_t trb);

// ---- xhci_hub.c
void hub_described(Xhci *x, UsbDevice *d); // ends STEP_HUB_DESCRIPTOR; h.ports is 0 if it makes no sense
void hub_power(Xhci *x, UsbDevice *d);     // the endpoint is there: begins its work
void hub_next_step(Xhci *x, UsbDevice *d); // ends a step from STEP_HUB_POWER to STEP_PORT_DONE
void hub_report_came(Xhci *x, UsbDevice *d, unsigned code); // of the endpoint that tells of changes
void hub_look(Xhci *x, UsbDevice *d);            // at one of the ports that are pending; it becomes the work
void hub_try_again(UsbDevice *d, unsigned port); // look at that port and begin with what is there
