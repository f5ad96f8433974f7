// test_usb_hub.c -- USB hubs (drivers/xhci_hub.c) at an invented controller: keyboards behind them come and
// go, hubs go with what is behind them, and hubs that fail once they work.
#include "usb_model.h"
// units: drivers/xhci_port.c drivers/xhci_setup.c drivers/xhci_keyboard.c drivers/xhci_hub.c drivers/usb_desc.c tests/unit/usb_model.c

static const uint32_t *context_at(const UsbDevice *d, unsigned index) {
    return (const uint32_t *)(d->input + index * x->context_bytes);
}

static void behind_a_hub(unsigned hub_speed, unsigned speed) {
    reset();
    hub_tiers = 1;
    plug_behind(0, 3, speed);
    plug(2, hub_speed);
    run();
    CHECK_EQ(count(STEP_TYPES), 1);
    CHECK_EQ(count(STEP_HUB), 1);
    CHECK_PTR(x->work, NULL);
    UsbDevice *hub = hub_of_tier(0), *d = usb_device_behind(x, hub, 3);
    CHECK(d && d->step == STEP_TYPES);
    if (!d) return;
    CHECK_EQ(d->speed, speed);
    const uint32_t *slot = context_at(hub, 1);
    CHECK_EQ(slot[0] >> 26 & 1, 1);
    CHECK_EQ(slot[1], 2u << 16 | (unsigned)MODEL_PORTS << 24);
    CHECK_EQ(slot[2], hub_speed == SPEED_HIGH ? 2u << 16 : 0u);
    slot = context_at(d, 1);
    CHECK_EQ(slot[0] & 0xfffff, 3);
    CHECK_EQ(slot[0] >> 20 & 15, speed);
    CHECK_EQ(slot[0] >> 26 & 1, 0);
    CHECK_EQ(slot[1], 2u << 16);
    CHECK_EQ(slot[2], hub_speed == SPEED_HIGH && speed != SPEED_HIGH ? hub->slot | 3u << 8 : 0u);
    report(d, "\0\0\4\0\0\0\0\0");
    unplug_behind(0, 3); // with a key held
    run();
    CHECK_STR(keys, "+04-04");
    CHECK_EQ(count(STEP_TYPES), 0);
    CHECK_EQ(count(STEP_HUB), 1);
    plug_behind(0, 1, speed);
    plug_behind(0, 4, speed);
    run();
    CHECK_EQ(count(STEP_TYPES), 2);
    CHECK_EQ(port_resets, 3);
    unplug_behind(0, 1); // and another one comes before anybody looks
    plug_behind(0, 1, speed);
    run();
    CHECK_EQ(count(STEP_TYPES), 2);
    CHECK_EQ(port_resets, 4);
    unplug(2); // the hub, with what is behind it
    run();
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
    for (unsigned i = 1; i < 32; i++)
        CHECK_EQ(slots[i], 0);
    CHECK_EQ(deaths, 0);
}
static void hubs(void) {
    behind_a_hub(SPEED_HIGH, SPEED_LOW);
    behind_a_hub(SPEED_HIGH, SPEED_HIGH);
    behind_a_hub(SPEED_FULL, SPEED_FULL);
}

static void hub_behind_hub(void) {
    reset();
    hub_tiers = 2;
    plug_behind(0, 2, SPEED_FULL);
    plug_behind(1, 4, SPEED_LOW);
    plug(1, SPEED_HIGH);
    run();
    CHECK_EQ(count(STEP_HUB), 2);
    CHECK_EQ(count(STEP_TYPES), 1);
    UsbDevice *outer = hub_of_tier(0), *inner = hub_of_tier(1), *d = usb_device_behind(x, inner, 4);
    CHECK(d != NULL);
    if (!d) return;
    CHECK_EQ(d->route, 0x42);
    CHECK_EQ(d->tt_slot, outer->slot); // the one of high speed translates
    CHECK_EQ(d->tt_port, 2);
    unplug_behind(0, 2);
    run();
    CHECK_EQ(count(STEP_HUB), 1);
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES - 1);
    reset(); // more tiers than a route has room for
    hub_tiers = MODEL_TIERS;
    for (unsigned tier = 0; tier < MODEL_TIERS; tier++)
        plug_behind(tier, 1, SPEED_HIGH);
    plug(1, SPEED_HIGH);
    run();
    CHECK_EQ(count(STEP_HUB), HUB_TIERS);
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES - HUB_TIERS);
}

// It is reset once, not again and again because its own reset was a change; and others have the room.
static void no_keyboard_behind_a_hub(void) {
    reset();
    hub_tiers = 1;
    configuration[15] = 2;
    for (unsigned port = 1; port <= MODEL_PORTS; port++)
        plug_behind(0, port, SPEED_HIGH);
    plug(1, SPEED_HIGH);
    run();
    CHECK_EQ(port_resets, MODEL_PORTS);
    hub_port[0][1].change |= 8; // a change that nobody plugged
    run();
    CHECK_EQ(hub_port[0][1].change, 0);
    CHECK_EQ(port_resets, MODEL_PORTS);
    CHECK_EQ(count(STEP_HUB), 1);
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES - 1);
}

static void too_many_devices(void) {
    reset();
    hub_tiers = 4; // each tier's one hub, with keyboards beside it: 4 + 3 * 3 + 4 > 16
    for (unsigned tier = 0; tier < 4; tier++)
        for (unsigned port = 1; port <= MODEL_PORTS; port++)
            plug_behind(tier, port, SPEED_HIGH);
    plug(1, SPEED_HIGH);
    for (int i = 0; i < 3000 && go_on(DONE); i++) {
    }
    CHECK_EQ(count(STEP_FREE), 0);
    CHECK_PTR(x->work, NULL);
    CHECK_EQ(deaths, 0);
    unplug(1);
    run();
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
}

// A hub that works, until it does not answer any more when it is asked about a port: all of it is begun with
// again.
static void hub_fails_later(void) {
    for (int at = 0; at < 4; at++) {
        reset();
        hub_tiers = 1;
        plug_behind(0, 2, SPEED_LOW);
        plug(1, SPEED_HIGH);
        run();
        plug_behind(0, 4, SPEED_LOW);
        for (int i = 0; i < at + 2; i++)
            go_on(DONE);
        UsbDevice *hub = hub_of_tier(0);
        CHECK_PTR(x->work, hub);
        for (int i = 0; x->work == hub && i < 10; i++)
            go_on(6);
        run();
        CHECK_EQ(count(STEP_HUB), 1);
        CHECK_EQ(count(STEP_TYPES), 2);
        CHECK_EQ(count(STEP_FREE), XHCI_DEVICES - 3);
    }
}

// A hub that is set up each time and then cannot tell of changes; and a port whose resets have no effect.
static void hub_fails_for_ever(void) {
    reset();
    hub_tiers = 1;
    plug_behind(0, 2, SPEED_LOW);
    plug(1, SPEED_HIGH);
    int begun = 0;
    for (; begun < 20; begun++) {
        run();
        UsbDevice *hub = hub_of_tier(0);
        if (!hub) break;
        CHECK_EQ(count(STEP_TYPES), 1);
        xhci_transfer_done(x, hub->slot, 2u * hub->function.endpoint + 1, 4, 0);
    }
    CHECK_EQ(begun, USB_TRIES_MAX);
    CHECK_EQ(times_said("USB port 1: the device does not answer as it should; left alone"), 1);
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
    unplug(1);
    run();
    resets_enable = false;
    plug_behind(0, 2, SPEED_LOW);
    int before = port_resets;
    plug(1, SPEED_HIGH);
    run();
    CHECK_EQ(port_resets, before + USB_TRIES_MAX);
    CHECK_EQ(times_said("USB port 1.2: the device does not answer as it should; left alone"), 1);
}

int main(void) {
    RUN(hubs);
    RUN(hub_behind_hub);
    RUN(no_keyboard_behind_a_hub);
    RUN(too_many_devices);
    RUN(hub_fails_later);
    RUN(hub_fails_for_ever);
    return test_done();
}
