// test_usb.c -- keyboards at an invented USB controller (usb_model.h): one that answers, one that fails or
// falls silent at each step, one that lies; plugged and unplugged; and configuration descriptors: whole, cut,
// random. Hubs: test_usb_hub.c.
#include "usb_model.h"
// units: drivers/xhci_port.c drivers/xhci_setup.c drivers/xhci_keyboard.c drivers/xhci_hub.c drivers/usb_desc.c tests/unit/usb_model.c

static void a_keyboard(void) {
    reset();
    plug(2, SPEED_FULL);
    run();
    CHECK_EQ(count(STEP_TYPES), 1);
    UsbDevice *d = &x->device[0];
    CHECK_EQ(d->slot, 3);
    CHECK_EQ(d->packet0, 64);
    CHECK_EQ(d->function.configuration, 3);
    CHECK_EQ(d->function.interface, 1);
    CHECK_EQ(d->function.endpoint, 2);
    CHECK_EQ(doorbell_target, 5);
    CHECK_EQ(*(const uint32_t *)(d->input + 6 * x->context_bytes) >> 16,
             6); // its endpoint is asked every 8 ms
    CHECK_PTR(x->work, NULL);
    report(d, "\2\0\4\5\0\0\0\0"); // shift, a, b
    report(d, "\0\0\5\6\0\0\0\0");
    report(d, "\0\0\1\1\1\1\1\1"); // too many keys
    report(d, "\0\0\0\0\0\0\0\0");
    CHECK_STR(keys, "+e1+04+05-e1-04+06-05-06");
    keys[0] = 0;
    report(d, "\0\0\4\5\6\7\0\0");
    report_short(d, "\0\0\4", 3); // says nothing of keys that an older report held
    report_short(d, "\0", 1);
    CHECK_STR(keys, "+04+05+06+07-05-06-07-04");
    xhci_transfer_done(x, d->slot, 5, DONE, 12345); // of no ring
    xhci_transfer_done(x, d->slot, 5, DONE, d->in.phys + 4096);
    xhci_transfer_done(x, 0, 5, DONE, d->in.phys);
    xhci_transfer_done(x, 9, 5, DONE, d->in.phys);
    keys[0] = 0;
    report(d, "\1\0\7\0\0\0\0\0");
    unplug(2); // with keys held: they are let go
    run();
    CHECK_STR(keys, "+e0+07-e0-07");
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
    CHECK_EQ(slots[3], 0);
    plug(2, SPEED_LOW);
    run();
    CHECK_EQ(count(STEP_TYPES), 1);
    CHECK_EQ(deaths, 0);
}

static void no_keyboard_is_left_alone(void) {
    reset();
    configuration[15] = 2; // a mouse, say
    configuration[16] = 2;
    plug(1, SPEED_FULL);
    run();
    CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
    int before = commands;
    run();
    CHECK_EQ(commands, before);
    port_set(3, PORT_CONNECTED | PORT_ENABLED | SPEED_SUPER << 10 | PORT_CONNECT_CHANGE);
    xhci_port_changed(x, 3); // USB 3: not looked at
    run();
    CHECK_EQ(commands, before);
}

// ---- failures at work

enum { TRANSACTION_ERROR = 4 };
// All of its requests for reports end so.
static void reports_fail(UsbDevice *d) {
    for (int i = 0; i < 4; i++)
        xhci_transfer_done(x, d->slot, 2u * d->function.endpoint + 1, TRANSACTION_ERROR, 0);
}
static UsbDevice *keyboard_there(void) {
    for (int i = 0; i < XHCI_DEVICES; i++)
        if (x->device[i].step == STEP_TYPES) return &x->device[i];
    return NULL;
}
// A keyboard is set up each time, works for so long, and then fails: how often it is begun with, 20 times at
// most.
static int times_begun(int64_t works_ns, bool another_at_work) {
    for (int begun = 0; begun < 20; begun++) {
        run();
        UsbDevice *d = keyboard_there();
        if (!d) return begun;
        now_ns += works_ns;
        if (another_at_work) {
            plug(3, SPEED_FULL); // a mouse
            configuration[15] = 2;
            while (!x->work || x->work->step != STEP_LENGTH)
                go_on(DONE);
        }
        reports_fail(d);
        if (another_at_work) {
            while (count(STEP_TYPES) && go_on(DONE)) {
            }
            configuration[15] = 1;
            unplug(3);
        }
    }
    return 20;
}
static void fails_at_work(void) {
    for (int another = 0; another < 2; another++)
        for (unsigned tiers = 0; tiers < 2; tiers++) {
            reset();
            hub_tiers = tiers;
            if (tiers) plug_behind(0, 2, SPEED_FULL);
            plug(1, tiers ? SPEED_HIGH : SPEED_FULL);
            CHECK_EQ(times_begun(0, another), USB_TRIES_MAX);
            CHECK_EQ(times_said(" has failed\n"), USB_TRIES_MAX);
            CHECK_EQ(times_said(tiers ? "USB port 1.2: the device does not answer as it should; left alone"
                                      : "USB port 1: the device does not answer as it should; left alone"),
                     1);
            CHECK_EQ(count(STEP_FREE), XHCI_DEVICES - (int)tiers);
            if (tiers) { // what is plugged in then is another one
                unplug_behind(0, 2);
                run();
                plug_behind(0, 2, SPEED_FULL);
            } else {
                unplug(1);
                run();
                plug(1, SPEED_FULL);
            }
            CHECK_EQ(times_begun(599000000000, another), USB_TRIES_MAX);
            CHECK_EQ(times_said("left alone"), 2);
            CHECK_EQ(deaths, 0);
        }
    reset();
    plug(1, SPEED_FULL);
    CHECK_EQ(times_begun(600000000000, false), 20); // once in ten minutes is a disturbance
    CHECK_EQ(times_said("left alone"), 0);
}

static void plug_something(bool hub) {
    hub_tiers = hub;
    if (hub) plug_behind(0, 2, SPEED_LOW);
    plug(1, hub ? SPEED_HIGH : SPEED_FULL);
}

// The n-th answer is a failure, for ever: three attempts, then quiet. And once: the next attempt succeeds.
static void failures_of(bool hub) {
    for (int at = 1; at < (hub ? 80 : 30); at++)
        for (int once = 0; once < 2; once++) {
            reset();
            plug_something(hub);
            int most = 4000, failed = 0;
            steps = 0;
            while (most-- && go_on(steps >= at && !(once && failed) ? (failed++, 6) : DONE)) {
            }
            CHECK(most > 0);
            CHECK(count(STEP_FREE) + count(STEP_TYPES) + count(STEP_HUB) == XHCI_DEVICES);
            if (once) CHECK_EQ(count(STEP_TYPES), 1);
            CHECK_PTR(x->work, NULL);
        }
}
static void failures(void) {
    failures_of(false);
    failures_of(true);
}

// From the n-th answer on the controller says nothing. It is given up, or the device is; within seconds.
static void silence_of(bool hub) {
    for (int at = 0; at < (hub ? 80 : 30); at++) {
        reset();
        plug_something(hub);
        int most = 400;
        int64_t begin = now_ns;
        for (int i = 0; i < at && go_on(DONE); i++) {
        }
        while (most-- && !x->dead && xhci_next(x) != TIME_NEVER) {
            if (xhci_next(x) > now_ns) now_ns = xhci_next(x);
            xhci_work(x, now_ns);
        }
        CHECK(most > 0);
        CHECK(x->dead || count(STEP_TYPES) == 1 || count(STEP_HUB) == 1 || count(STEP_FREE) == XHCI_DEVICES);
        CHECK(now_ns - begin < 20000000000);
    }
}
static void silence(void) {
    silence_of(false);
    silence_of(true);
}

static void unplugged_at_each_step_of(bool hub) {
    for (int at = 0; at < (hub ? 80 : 30); at++) {
        reset();
        plug_something(hub);
        for (int i = 0; i < at && go_on(DONE); i++) {
        }
        unplug(1);
        run();
        CHECK_EQ(count(STEP_FREE), XHCI_DEVICES);
        CHECK_PTR(x->work, NULL);
        plug_something(hub);
        run();
        CHECK_EQ(count(STEP_TYPES), 1);
        if (!hub) continue;
        reset(); // and what is behind it
        plug_something(true);
        for (int i = 0; i < at && go_on(DONE); i++) {
        }
        unplug_behind(0, 2);
        run();
        CHECK_EQ(count(STEP_TYPES), 0);
        CHECK_EQ(count(STEP_HUB), 1);
        plug_behind(0, 2, SPEED_LOW);
        run();
        CHECK_EQ(count(STEP_TYPES), 1);
    }
}
static void unplugged_at_each_step(void) {
    unplugged_at_each_step_of(false);
    unplugged_at_each_step_of(true);
}

static void lies(void) {
    reset();
    plug(1, SPEED_FULL);
    while (x->work == NULL || x->work->step != STEP_ENABLE)
        go_on(DONE);
    x->command_sent = 0;
    xhci_command_done(x, DONE, 200); // a slot that it cannot have
    CHECK(x->dead);
    reset();
    for (int round = 0; round < 40000; round++) { // anything, at any time
        if (test_below(100) == 0) hub_tiers = (unsigned)test_below(4);
        switch (test_below(7)) {
        case 6: {
            unsigned tier = (unsigned)test_below(4), port = (unsigned)test_below(HUB_PORTS) + 1;
            hub_port[tier][port].status = (uint16_t)test_rand();
            hub_port[tier][port].change = (uint16_t)test_rand() & 31;
            break;
        }
        case 0:
            if (x->command_sent) {
                x->command_sent = 0;
                xhci_command_done(x, (unsigned)test_below(4) ? DONE : 6, (unsigned)test_below(10));
            }
            break;
        case 1:
            xhci_transfer_done(x, (unsigned)test_below(10), (unsigned)test_below(32),
                               (unsigned)test_below(16), test_rand() % 0x1000000);
            break;
        case 2: {
            unsigned port = 1 + (unsigned)test_below(MODEL_ROOT_PORTS);
            port_set(port, (uint32_t)test_rand());
            xhci_port_changed(x, port);
            break;
        }
        case 3:
            now_ns += (int64_t)test_below(300000000);
            break;
        case 4:
            for (int i = 0; i < XHCI_DEVICES; i++)
                x->device[i].buffer[test_below(256)] = (uint8_t)test_rand();
            break;
        default:
            go_on(DONE);
            break;
        }
        if (x->dead) reset();
        xhci_work(x, now_ns);
    }
}

static void descriptors(void) {
    UsbFunction k;
    reset();
    CHECK(usb_find_function(configuration, configuration_bytes, &k));
    CHECK(!k.hub);
    for (size_t n = 0; n < configuration_bytes; n++)
        CHECK(!usb_find_function(configuration, n, &k));
    configuration[9] = 0; // a length that does not go on
    CHECK(!usb_find_function(configuration, configuration_bytes, &k));
    for (int round = 0; round < 30000; round++) {
        uint8_t *copy = malloc(configuration_bytes); // exactly: the address sanitizer watches
        reset();
        memcpy(copy, configuration, configuration_bytes);
        for (uint64_t i = test_below(6); i-- > 0;)
            copy[test_below(configuration_bytes)] = (uint8_t)test_rand();
        if (usb_find_function(copy, configuration_bytes, &k))
            CHECK(k.endpoint >= 1 && k.endpoint <= 15 && k.packet >= (k.hub ? 1 : 8) && k.packet <= 1024 &&
                  k.interval >= 1);
        free(copy);
    }
}

int main(void) {
    RUN(a_keyboard);
    RUN(no_keyboard_is_left_alone);
    RUN(fails_at_work);
    RUN(failures);
    RUN(silence);
    RUN(unplugged_at_each_step);
    RUN(lies);
    RUN(descriptors);
    return test_done();
}
