// input.c -- the ring between the consoles' interrupts and the goroutine that reads them.
//
// Problem: bytes arrive in interrupt handlers, of several devices and perhaps on several cores, which may
// take no lock; a reader parks while there is none, and no wake-up may be lost.
//
// The ring. A producer claims a place by moving `tail` (cas), then fills it; a place that is claimed and not
// yet filled reads as empty, and its producer wakes the reader afterwards. The consumer empties a place
// before it moves `head`, so a producer that sees room finds the place empty. A full ring loses the newest
// byte, as a terminal does, and counts it.
//
// Waking (Dekker, all seq_cst): the reader publishes itself in `waiter`, then looks at the ring once more; a
// producer fills its place, then takes the waiter by exchange. One of the two sees the other. If the reader
// sees the byte it tries to take itself back out; who wins the exchange makes it ready, exactly once. The
// reader does so in the middle of its own switch, where g_ready is forbidden, but an interrupt's way is not:
// rt_irq_ready puts it into this core's inbox, which the scheduler looks at after the switch.
//
// Locks: none.
#include "input.h"
#include "core.h"

#define INPUT_BYTES 4096u // power of two
#define FILLED      0x100u

static _Atomic uint16_t
    place[INPUT_BYTES];       // FILLED | byte, or 0. Release by the producer, acquire by the consumer
static _Atomic uint32_t tail; // places claimed so far; producers
static _Atomic uint32_t head; // places emptied so far; consumer. Release: pairs with the acquire in input_put
static _Atomic uint32_t over; // 1: input_end
static _Atomic uint64_t lost;
static _Atomic(G *) waiter;

bool input_put(uint8_t b) {
    uint32_t t = load_relaxed(&tail);
    do
        // Pairs with input_take: the place is empty. Signed: another producer and the reader may have gone
        // beyond our t meanwhile.
        if ((int32_t)(t - load_acquire(&head)) >= (int32_t)INPUT_BYTES) {
            fetch_add(&lost, 1);
            return false;
        }
    while (!cas(&tail, &t, t + 1));
    store_seq(&place[t % INPUT_BYTES], (uint16_t)(FILLED | b));
    return true;
}

void input_wake(void) {
    G *g = load_seq(&waiter) ? exchange(&waiter, NULL) : NULL;
    if (g) rt_irq_ready(g);
}

bool input_push(uint8_t b) {
    bool done = input_put(b);
    input_wake();
    return done;
}

void input_end(void) {
    store_seq(&over, 1);
}
bool input_over(void) {
    return load_seq(&over);
}
size_t input_room(void) {
    return INPUT_BYTES - (load_relaxed(&tail) - load_relaxed(&head));
}
uint64_t input_lost(void) {
    return load_relaxed(&lost);
}

static bool available(void) {
    return load_seq(&place[load_relaxed(&head) % INPUT_BYTES]) != 0 || input_over();
}

int input_take(void) {
    uint32_t h = load_relaxed(&head);
    uint32_t v = load_acquire(&place[h % INPUT_BYTES]); // pairs with the store in input_put
    if (!v) return -1;
    store_relaxed(&place[h % INPUT_BYTES], 0);
    store_release(&head, h + 1);
    return (int)(v & 0xff);
}

// The last step before the switch: the goroutine is G_WAITING already.
static void publish(void *g) {
    store_seq(&waiter, g);
    if (available() && exchange(&waiter, NULL) == g) rt_irq_ready(g);
}

void input_wait(void) {
    if (available()) return;
    fetch_add(&sched.external, 1); // somebody may type: no deadlock
    g_park_with(WAIT_INPUT, publish, g_self());
    fetch_add(&sched.external, (uint64_t)-1);
}
