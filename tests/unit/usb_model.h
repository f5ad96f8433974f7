// usb_model.h -- an invented USB controller for the tests of its driver's parts: ports into which keyboards
// and hubs are plugged, and answers, given one at a time, to what the driver begins. Time passes only when
// nothing else is due.
#pragma once
#include "test.h"
#include "drivers/xhci.h"

enum { MODEL_ROOT_PORTS = 4, MODEL_PORTS = 4, MODEL_TIERS = 8 };
extern Xhci *x;
extern int64_t now_ns;

// ---- what devices are
extern uint8_t configuration[64]; // what a device that is no hub says of itself; after reset a keyboard
extern size_t configuration_bytes;
extern unsigned
    hub_tiers; // devices of a tier below this one are hubs; all hubs of a tier are one, with these ports:
typedef struct ModelHubPort {
    uint16_t status, change;
} ModelHubPort;
extern ModelHubPort hub_port[MODEL_TIERS][HUB_PORTS + 1];
extern bool resets_enable; // of hubs' ports

// ---- what is seen of the driver
extern uint64_t slots[32];
extern int commands, deaths, port_resets;
extern uint32_t doorbell_target;   // the latest
extern char keys[100];             // "+04-04": pressed, let go
int times_said(const char *words); // since reset

// ---- what happens
void reset(void); // a new controller, nothing plugged in
void plug(unsigned port, unsigned speed);
void unplug(unsigned port);
void plug_behind(unsigned tier, unsigned port, unsigned speed);
void unplug_behind(unsigned tier, unsigned port);
void port_set(unsigned port, uint32_t v);     // PORTSC
void report(UsbDevice *d, const char *bytes); // 8 of them, from a keyboard
void report_short(UsbDevice *d, const char *bytes, size_t n);
// Gives the answer that is due, with this code, or lets time pass to the next deadline. False: nothing is
// under way.
bool go_on(unsigned code);
extern int steps; // calls of go_on
void run(void);   // go_on(DONE) until nothing is under way

int count(Step step); // devices that are there
UsbDevice *hub_of_tier(unsigned tier);
