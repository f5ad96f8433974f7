// log.c -- the console: one ring of bytes, read at its own pace by every console device.
//
// Problem: a serial port takes 90 us a byte and a screen scrolls slowly, but no core may be held up by
// either, and a crash report must come out whatever state the machine is in. So writers append to a ring and
// devices are fed from it in small steps:
//   console_write_try   appends what fits and feeds a little; the runtime waits (parks) for room
//   console_write       reports: makes room by force and waits, bounded, until its text is out
//   console_panic       the writer has the machine for itself: as console_write, without the lock
// What the devices have not taken when the writer leaves is fed to them from the timer's interrupt of one
// core, the `poller`. Each device has its own position. A device that takes nothing for STALL_S while a
// report waits is marked stalled: nobody waits for it again until it takes a byte, what it misses is counted,
// and it is told how much when it recovers.
//
// Lock: `owner`, a word with the holder's number, taken with interrupts off for at most one step (16 bytes to
// a port, or COPY_MAX into the ring). It is not an rt lock: reports are written under any of those. A
// reporter that interrupted the holder on the same core goes ahead without it; one that cannot get it for
// STALL_S takes the holder for dead. console_panic takes the consoles for good: who comes later does not get
// the lock any more, who has it is waited for. The last writer stores panic_core, then reads owner; a taker
// stores owner, then reads panic_core (Dekker; all seq_cst): one of them sees the other. Positions are therefore never trusted: every use is masked or clamped,
// so that a broken step garbles text but touches nothing outside the ring.
#include "kernel/log.h"
#include "drivers/driver.h"
#include "kernel/x86/clock.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/ioapic.h"
#include "rt/atomic.h"

enum {
    LOG_BYTES = 128 * 1024, // power of two
    COPY_MAX = 4096,        // bytes copied under the lock at once
    STEPS_MAX = 64,         // device steps per call that does not wait
    POLL_STEPS = 8,         // and per interrupt
    TRY_SPINS = 10000,      // turns for the lock in calls that do not wait
    DEVICES_MAX = 4,
    STALL_S = 2,
    CODE_BYTES = 1000, // of a report shown as a code: as many as a telephone reads off a screen
    POLL_NS = 1400000, // a full FIFO of 16 bytes at 115200 baud
};

typedef struct Device {
    const Console *console;
    const char *name;
    uint64_t tail; // bytes taken since the start; under owner
    uint64_t lost; // bytes overwritten before the device took them, not yet told
    bool stalled;
} Device;

static char ring[LOG_BYTES];
static uint64_t head; // bytes ever written; under owner
static Device devices[DEVICES_MAX];
static int device_count;
static bool listening;              // constant after boot
static _Atomic uint32_t owner;      // 0: free, else core + 1; taken in lock_take_once, free in lock_drop
static _Atomic uint32_t poller;     // 1: some core's timer feeds the devices. seq_cst: see poll_claim
static _Atomic uint32_t panic_core; // core + 1 that owns the consoles for good; 0: none
// The first words of the last report that began; under owner, but its reader has the consoles for good.
static char code_text[CODE_BYTES];
static size_t code_bytes;
static bool reporting;

static uint32_t self_number(void) {
    Cpu *c = cpu_self();
    return c ? (uint32_t)c->id + 1 : 1;
}

static uint64_t stall_cycles(void) {
    uint64_t hz = clock_tsc_hz();
    return (hz ? hz : 3000000000u) * STALL_S;
}

// ---- the lock

typedef struct Hold {
    bool irq, nested;
} Hold;

static bool lock_free(uint32_t self) {
    return cas(&owner, &self, 0); // not a plain store: the lock may have been taken from us
}

static bool lock_take_once(Hold *h) {
    uint32_t self = self_number(), free = 0;
    h->irq = cpu_irq_save();
    uint32_t panic = load_relaxed(&panic_core);
    h->nested = load_relaxed(&owner) == self || panic == self; // we interrupted ourselves, or own everything
    if (h->nested) return true;
    if (!panic && cas(&owner, &free, self)) {
        if (!load_seq(&panic_core)) return true;
        lock_free(self); // somebody took the consoles for good meanwhile
    }
    cpu_irq_restore(h->irq);
    return false;
}

static bool lock_take_try(Hold *h) {
    for (int i = 0; i < TRY_SPINS; i++) {
        if (lock_take_once(h)) return true;
        cpu_pause();
    }
    return false;
}

// False: another core has the consoles for good.
static bool lock_take_report(Hold *h) {
    uint64_t start = cpu_rdtsc(), limit = stall_cycles();
    while (!lock_take_once(h)) {
        if (console_panic_elsewhere()) return false;
        cpu_pause();
        if (cpu_rdtsc() - start < limit) continue;
        store_relaxed(&owner, self_number()); // its holder is dead
        h->irq = cpu_irq_save();
        h->nested = false;
        return true;
    }
    return true;
}

static void lock_drop(const Hold *h) {
    if (!h->nested) lock_free(self_number());
    cpu_irq_restore(h->irq);
}

// ---- the ring; callers hold owner

static uint64_t backlog(Device *d) {
    if (d->tail > head) d->tail = head; // a broken step
    if (head - d->tail > LOG_BYTES) {   // overwritten while stalled
        d->lost += head - LOG_BYTES - d->tail;
        d->tail = head - LOG_BYTES;
    }
    return head - d->tail;
}

static size_t room(void) {
    uint64_t most = 0;
    for (int i = 0; i < device_count; i++)
        if (!devices[i].stalled && backlog(&devices[i]) > most) most = backlog(&devices[i]);
    return LOG_BYTES - most;
}

static void append(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        ring[(head + i) & (LOG_BYTES - 1)] = s[i];
    for (size_t i = 0; reporting && i < n && code_bytes < CODE_BYTES; i++)
        code_text[code_bytes++] = s[i];
    head += n;
}

// Functions that call a device are not inlined: scripts/stack_indirect.txt names them.
#define NOINLINE __attribute__((noinline))

// Tells a recovered device what it missed; part of the text may be lost again, the count then stands in its
// next note.
static NOINLINE void tell_loss(Device *d) {
    char text[] = "\n[console: 00000000 bytes lost]\n";
    uint64_t v = d->lost;
    for (int i = 18; i >= 11; i--, v /= 10)
        text[i] = (char)('0' + v % 10);
    size_t sent = 0;
    for (int i = 0; i < 4 && sent < sizeof text - 1; i++)
        sent += d->console->put(text + sent, sizeof text - 1 - sent);
    if (sent > 0) d->lost = 0;
}

// Gives one device one portion. True: it took something.
static NOINLINE bool feed(Device *d) {
    uint64_t waiting = backlog(d);
    if (waiting == 0) return false;
    if (d->lost) tell_loss(d);
    size_t at = d->tail & (LOG_BYTES - 1);
    size_t n = LOG_BYTES - at < waiting ? LOG_BYTES - at : waiting;
    size_t took = d->console->put(ring + at, n);
    d->tail += took < n ? took : n;
    if (took) d->stalled = false;
    return took != 0;
}

static NOINLINE size_t remaining(void) {
    size_t most = 0;
    for (int i = 0; i < device_count; i++) {
        Device *d = &devices[i];
        size_t left = d->stalled ? 0 : backlog(d);
        if (d->console->flush && !d->console->flush(false)) left++;
        if (left > most) most = left;
    }
    return most;
}

// ---- writers

static size_t drain_steps(int steps) {
    size_t left = 1;
    while (steps-- > 0 && left > 0) {
        Hold h;
        if (!lock_take_once(&h)) break; // another core is feeding
        bool moved = false;
        for (int i = 0; i < device_count; i++)
            moved |= feed(&devices[i]);
        left = remaining();
        lock_drop(&h);
        if (!moved) break;
    }
    return left;
}

// Somebody must feed the devices from now on: this core, unless one does already. A poller that stops gives
// up the role before it looks for the last time, a writer appends before it looks at the role: one of the two
// sees the other.
static void poll_claim(void) {
    uint32_t none = 0;
    if (clock_tsc_hz() && !load_relaxed(&panic_core) && cas(&poller, &none, 1))
        clock_poll_at(clock_now_ns() + POLL_NS);
}

void console_poll(void) {
    drain_steps(POLL_STEPS);
    store_seq(&poller, 0);
    if (drain_steps(1) > 0) poll_claim();
}

size_t console_drain(void) {
    size_t left = drain_steps(STEPS_MAX);
    if (left > 0) poll_claim();
    return left;
}

size_t console_write_try(const char *s, size_t n) {
    uint32_t panic = load_acquire(&panic_core);    // set in console_panic
    if (panic && panic != self_number()) return n; // too late to be heard
    size_t done = 0;
    while (done < n) {
        Hold h;
        if (!lock_take_try(&h)) break;
        size_t step = room();
        if (step > n - done) step = n - done;
        if (step > COPY_MAX) step = COPY_MAX;
        append(s + done, step);
        lock_drop(&h);
        done += step;
        if (step == 0) break;
    }
    console_drain();
    return done;
}

// Feeds until every device that is not stalled has taken everything up to `end`; stalls those that make no
// progress.
static void drain_until(uint64_t end) {
    uint64_t since = cpu_rdtsc(), limit = stall_cycles();
    for (;;) {
        bool moved = false, waiting = false;
        Hold h;
        if (!lock_take_report(&h)) return;
        for (int i = 0; i < device_count; i++) {
            Device *d = &devices[i];
            moved |= feed(d);
            if (!d->stalled && backlog(d) > 0 && (int64_t)(end - d->tail) > 0) waiting = true;
        }
        bool over = waiting && !moved && cpu_rdtsc() - since > limit;
        for (int i = 0; over && i < device_count; i++)
            if (backlog(&devices[i]) > 0) devices[i].stalled = true;
        lock_drop(&h);
        if (!waiting || over) return;
        if (moved)
            since = cpu_rdtsc();
        else
            cpu_pause();
    }
}

static NOINLINE void flush_screens(void) {
    for (int i = 0; i < device_count; i++)
        if (devices[i].console->flush) devices[i].console->flush(true);
}

void console_write(const char *s, size_t n) {
    Hold h;
    while (n > 0) {
        size_t step = n < COPY_MAX ? n : COPY_MAX;
        if (!lock_take_report(&h)) return;
        if (room() < step) {
            uint64_t end = head;
            lock_drop(&h);
            drain_until(end - LOG_BYTES + step);
            if (!lock_take_report(&h)) return;
        }
        append(s, step); // stalled devices lose, and are told
        uint64_t end = head;
        lock_drop(&h);
        drain_until(end);
        s += step;
        n -= step;
    }
    if (!load_relaxed(&panic_core)) {
        console_drain(); // screens
    } else if (lock_take_report(&h)) {
        flush_screens();
        lock_drop(&h);
    }
}

// Not inlined: scripts/stack_indirect.txt names it.
static NOINLINE void show_code(const char *text, size_t n) {
    for (int i = 0; i < device_count; i++)
        if (devices[i].console->show_code) devices[i].console->show_code(text, n);
}

void console_report_begins(void) {
    Hold h;
    if (!lock_take_report(&h)) return;
    reporting = true;
    code_bytes = 0;
    lock_drop(&h);
}

void console_show_code(void) {
    size_t n = code_bytes < CODE_BYTES ? code_bytes : CODE_BYTES;
    if (n == 0) return;
    flush_screens();
    show_code(code_text, n);
}

bool console_has_screen(void) {
    for (int i = 0; i < device_count; i++)
        if (devices[i].console->flush) return true;
    return false;
}

void console_panic(void) {
    uint32_t none = 0, self = self_number();
    if (!cas(&panic_core, &none, self) && none != self) return; // somebody else reports
    // Who is in the middle of a step ends it: its rest would come in between otherwise, and be skipped. Bounded: it may have
    // been stopped for good.
    uint64_t start = cpu_rdtsc(), limit = stall_cycles();
    for (uint32_t o; (o = load_seq(&owner)) != 0 && o != self && cpu_rdtsc() - start < limit;)
        cpu_pause();
    drain_until(head);
}

bool console_panic_elsewhere(void) {
    uint32_t panic = load_acquire(&panic_core); // set in console_panic
    return panic && panic != self_number();
}

// ---- start

static void probe_stage(DriverStage stage, const BootInfo *bi) {
    for (int i = 0; driver_table[i]; i++) {
        const Driver *d = driver_table[i];
        if (d->stage != stage || !d->console || device_count == DEVICES_MAX || !d->probe(bi)) continue;
        Device *dev = &devices[device_count];
        *dev = (Device){.console = d->console, .name = d->name};
        dev->tail =
            head > LOG_BYTES ? head - LOG_BYTES : 0; // a late device gets what was said before it came
        device_count++;
    }
}

void console_init(const BootInfo *bi) {
    probe_stage(DRIVER_EARLY, bi);
}

// Input comes by interrupts of the boot core, so that an idle machine hears it too.
void console_listen(void) {
    for (int i = 0; i < device_count; i++) {
        const Console *c = devices[i].console;
        if (!c->received) continue;
        int vector = irq_register(c->received, NULL);
        bool routed = vector >= 0 && ioapic_route_isa(c->isa_irq, vector, apic_id_self());
        listening = true;
        if (c->listen(routed ? vector : -1)) continue;
        if (routed) ioapic_mask_isa(c->isa_irq);
        rt_printf("%s: interrupt %u does not arrive; the port is polled\n", devices[i].name, c->isa_irq);
    }
}

bool console_hears(void) {
    return listening;
}

void console_init_screen(const BootInfo *bi) {
    probe_stage(DRIVER_MAPPED, bi);
    drain_until(head);
}
