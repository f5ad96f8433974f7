// test_log.c -- the console ring: order, bounds, slow and stuck devices, dead lock holders.
//
// The log runs here on one thread with invented time, interrupts and devices. Time passes only when somebody
// reads the clock, so a wait without bound would show as a hang, and a bounded one ends at once.
#include <stdarg.h>
#include "test.h"
#include "kernel/x86/cpu.h"

enum { HZ = 1000000000 };
static uint64_t fake_tsc;
static uint64_t fake_rdtsc(void) {
    return fake_tsc += 1000;
}
static bool fake_irq_on = true;
static bool fake_irq_save(void) {
    bool on = fake_irq_on;
    fake_irq_on = false;
    return on;
}
static void fake_irq_restore(bool on) {
    fake_irq_on = on;
}
#define cpu_rdtsc       fake_rdtsc
#define cpu_irq_save    fake_irq_save
#define cpu_irq_restore fake_irq_restore
#include "kernel/log.c"

// ---- the rest of the kernel

static Cpu fake_cpu;
static int64_t poll_due = TIME_NEVER;
Cpu *cpu_self(void) {
    return &fake_cpu;
}
uint64_t clock_tsc_hz(void) {
    return HZ;
}
int64_t clock_now_ns(void) {
    return (int64_t)fake_tsc;
}
void clock_poll_at(int64_t deadline_ns) {
    poll_due = deadline_ns;
}
enum { VECTOR = 0x51 };
static bool vector_left = true, routed = true;
static unsigned masked;
static char told[200];
int irq_register(IrqHandler fn, void *arg) {
    return vector_left ? VECTOR : -1;
}
bool ioapic_route_isa(unsigned irq, int vector, uint32_t apic_id) {
    CHECK(irq == 4 && vector == VECTOR);
    return routed;
}
void ioapic_mask_isa(unsigned irq) {
    CHECK_EQ(irq, 4);
    masked++;
}
void rt_printf(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(told, sizeof told, fmt, args);
    va_end(args);
}
uint32_t apic_id_self(void) {
    return 0;
}

// ---- two devices: `quick` takes what comes, `slow` takes `slow_portion` bytes a step

enum { SEEN_MAX = 1 << 20 };
typedef struct Seen {
    char text[SEEN_MAX];
    size_t n;
} Seen;
static Seen quick, slow;
static size_t slow_portion;

static size_t take(Seen *s, const char *text, size_t n, size_t most) {
    CHECK(!fake_irq_on);
    if (n > most) n = most;
    CHECK(s->n + n <= SEEN_MAX);
    memcpy(s->text + s->n, text, n);
    s->n += n;
    return n;
}
static size_t quick_put(const char *s, size_t n) {
    return take(&quick, s, n, 1000);
}
static size_t slow_put(const char *s, size_t n) {
    return take(&slow, s, n, slow_portion);
}
static bool present(const BootInfo *bi) {
    return true;
}
static bool absent(const BootInfo *bi) {
    return false;
}
static Seen code_shown;
static void show(const char *text, size_t n) {
    memcpy(code_shown.text, text, n);
    code_shown.n += n;
}
static const Console quick_console = {.put = quick_put},
                     slow_console = {.put = slow_put, .show_code = show};
static const Driver
    quick_driver = {.name = "quick", .stage = DRIVER_EARLY, .probe = present, .console = &quick_console},
    gone_driver = {.name = "gone", .stage = DRIVER_EARLY, .probe = absent, .console = &slow_console},
    slow_driver = {.name = "slow", .stage = DRIVER_MAPPED, .probe = present, .console = &slow_console};
const Driver *const driver_table[] = {&quick_driver, &gone_driver, &slow_driver, NULL};

static void start(size_t portion) {
    memset(ring, 0, sizeof ring);
    memset(devices, 0, sizeof devices);
    head = 0;
    device_count = 0;
    code_bytes = 0, reporting = false;
    quick.n = slow.n = 0;
    slow_portion = portion;
    owner = poller = panic_core = 0;
    fake_cpu.id = 0;
    poll_due = TIME_NEVER;
    console_init(NULL);
    console_init_screen(NULL);
    CHECK_EQ(device_count, 2);
}
static void poll_until_quiet(void) {
    for (int i = 0; poll_due != TIME_NEVER; i++) {
        CHECK(i < 1000000);
        poll_due = TIME_NEVER;
        console_poll();
    }
}
static void check_seen(const Seen *s, const char *want) {
    CHECK_EQ(s->n, strlen(want));
    CHECK_MEM(s->text, want, strlen(want));
}

// ---- cases

static void both_get_everything(void) {
    start(1);
    CHECK_EQ(console_write_try("hello\n", 6), 6);
    check_seen(&quick, "hello\n");
    poll_until_quiet();
    check_seen(&slow, "hello\n");
    CHECK(fake_irq_on);
}

static void late_device_hears_the_beginning(void) {
    memset(devices, 0, sizeof devices);
    head = 0, device_count = 0, quick.n = slow.n = 0, slow_portion = 3;
    console_init(NULL);
    CHECK_EQ(console_write_try("early", 5), 5);
    console_init_screen(NULL);
    check_seen(&slow, "early");
}

// What a full ring refuses is not lost: offered again, everything arrives once and in order.
static void full_ring_refuses_and_loses_nothing(void) {
    static char text[3 * LOG_BYTES];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 23);
    start(0);
    size_t took = console_write_try(text, sizeof text);
    CHECK_EQ(took, LOG_BYTES);
    CHECK_EQ(console_write_try(text + took, 1), 0);
    slow_portion = 7;
    for (int i = 0; took < sizeof text; i++) {
        CHECK(i < 1000000);
        took += console_write_try(text + took, sizeof text - took);
    }
    poll_until_quiet();
    CHECK_EQ(slow.n, sizeof text);
    CHECK_MEM(slow.text, text, sizeof text);
    CHECK_MEM(quick.text, text, sizeof text);
}

// A report waits for a slow device, gives up on a stuck one after STALL_S, and never waits for it again.
static void report_is_bounded(void) {
    start(1);
    console_write("slow but sure\n", 14);
    check_seen(&slow, "slow but sure\n");
    slow_portion = 0;
    uint64_t before = fake_tsc;
    console_write("stuck\n", 6);
    CHECK(fake_tsc - before > (uint64_t)STALL_S * HZ && fake_tsc - before < (uint64_t)(STALL_S + 1) * HZ);
    before = fake_tsc;
    for (int i = 0; i < 100; i++)
        console_write("again\n", 6);
    CHECK(fake_tsc - before < HZ);
    CHECK_EQ(quick.n, 14 + 6 + 600);
    slow_portion = 100; // it works again, and has missed nothing yet
    poll_due = 0;
    poll_until_quiet();
    CHECK_EQ(slow.n, 14 + 6 + 600);
}

static void loss_is_told(void) {
    static char text[2 * LOG_BYTES];
    memset(text, 'x', sizeof text);
    start(0);
    console_write(text, sizeof text); // twice the ring, while one device is stuck
    CHECK_EQ(quick.n, sizeof text);
    slow_portion = 4096;
    console_write("\n", 1);
    char want[64];
    int n = snprintf(want, sizeof want, "\n[console: %08d bytes lost]\n", (int)sizeof text + 1 - LOG_BYTES);
    CHECK(slow.n > (size_t)n);
    CHECK_MEM(slow.text, want, n);
    CHECK_EQ(slow.n, n + LOG_BYTES);
}

static void dead_holder(void) {
    start(100);
    owner = 6; // core 5, which will never come back
    CHECK_EQ(console_write_try("try\n", 4), 0);
    CHECK_EQ(console_drain(), 1);
    CHECK_EQ(quick.n, 0);
    console_write("report\n", 7); // takes the lock over
    check_seen(&quick, "report\n");
    CHECK_EQ(owner, 0);
    CHECK(fake_irq_on);
}

// A fault handler on the very core that holds the lock.
static void interrupted_holder(void) {
    start(100);
    owner = 1;
    console_write("inside\n", 7);
    check_seen(&quick, "inside\n");
    CHECK_EQ(owner, 1); // still the interrupted one's
}

static void panic_owns_the_console(void) {
    start(100);
    owner = 6;
    console_panic();
    console_write("report\n", 7);
    fake_cpu.id = 3;
    console_write("noise\n", 6);
    CHECK_EQ(console_write_try("noise\n", 6), 6); // swallowed: nobody shall wait
    CHECK(console_panic_elsewhere());
    console_panic(); // the second panic does not take over
    console_write("noise\n", 6);
    fake_cpu.id = 0;
    CHECK(!console_panic_elsewhere());
    console_write("end\n", 4);
    check_seen(&quick, "report\nend\n");
    check_seen(&slow, "report\nend\n");
}

// A crash in the middle of a step leaves any positions; nothing may leave the ring (AddressSanitizer watches)
// or hang.
static void broken_positions(void) {
    for (int round = 0; round < 2000; round++) {
        start(1 + test_below(50));
        head = test_rand() >> test_below(64);
        for (int i = 0; i < 2; i++)
            devices[i].tail = test_below(2) ? test_rand() : head - test_below(LOG_BYTES);
        quick.n = slow.n = 0;
        console_panic();
        quick.n = slow.n = 0;
        console_write("still here\n", 11);
        CHECK(quick.n >= 11);
        CHECK_MEM(quick.text + quick.n - 11, "still here\n", 11);
    }
}

// The code shows how the last report began, however much was written since.
static void first_words_of_a_report(void) {
    static char text[CODE_BYTES];
    static char rest[2 * LOG_BYTES];
    memset(text, 'x', sizeof text);
    memset(rest, 'y', sizeof rest);
    start(1000);
    CHECK_EQ(console_write_try("before\n", 7), 7);
    CHECK_EQ(code_bytes, 0);
    console_report_begins();
    console_write("panic: boom\n", 12);
    console_panic();
    console_show_code();
    CHECK_EQ(code_shown.n, 12);
    CHECK_MEM(code_shown.text, "panic: boom\n", 12);
    console_report_begins(); // the report itself crashes
    console_write(text, 600);
    console_write(text, 600);
    console_write(rest, sizeof rest);
    code_shown.n = 0;
    console_show_code();
    CHECK_EQ(code_shown.n, CODE_BYTES);
    CHECK_MEM(code_shown.text, text, CODE_BYTES);
}

// ---- input

static int listened_at;
static bool arrives;
static void key(int vector, void *arg) {}
static bool heard_listen(int vector) {
    listened_at = vector;
    return arrives;
}

// Whose interrupt comes has it, whose does not is told so, looked at, and its line is free for others.
static void listening_console(void) {
    static const Console heard = {.received = key, .isa_irq = 4, .listen = heard_listen};
    static const struct {
        bool vector_left, routed, arrives;
        int listened_at;
        unsigned masked;
    } cases[] = {{true, true, true, VECTOR, 0},
                 {true, true, false, VECTOR, 1},
                 {true, false, false, -1, 0},
                 {false, true, false, -1, 0}};
    devices[0] = (Device){.console = &heard, .name = "heard"};
    device_count = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vector_left = cases[i].vector_left;
        routed = cases[i].routed;
        arrives = cases[i].arrives;
        masked = 0;
        told[0] = 0;
        listening = false;
        console_listen();
        CHECK(console_hears()); // in any case
        CHECK_EQ(listened_at, cases[i].listened_at);
        CHECK_EQ(masked, cases[i].masked);
        CHECK_STR(told, arrives ? "" : "heard: interrupt 4 does not arrive; the port is polled\n");
    }
}

int main(void) {
    RUN(both_get_everything);
    RUN(first_words_of_a_report);
    RUN(late_device_hears_the_beginning);
    RUN(full_ring_refuses_and_loses_nothing);
    RUN(report_is_bounded);
    RUN(loss_is_told);
    RUN(dead_holder);
    RUN(interrupted_holder);
    RUN(panic_owns_the_console);
    RUN(broken_positions);
    RUN(listening_console);
    return test_done();
}
