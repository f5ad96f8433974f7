// units: tests/host/plat_time.c tests/unit/stub_plat.c
// flags: -Itests/host
// test_host_timer.c -- the lazy timer of the hosted platform: the kernel's is never set to later than what was asked for last, whatever interrupts the asking.
#include "stub_plat.h"
#include "host.h"
#include "syscall.h"
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ll

static HostCore core;
void page_free(void *page, size_t n) { abort(); } // stub_plat.c's mappings: none here
void host_die_errno(const char *what, int error) {
    fprintf(stderr, "%s: error %d\n", what, error);
    exit(1);
}

// When the kernel's signal comes, from now; 0: never.
static int64_t kernel_left(void) {
    struct itimerspec left;
    CHECK_EQ(linux_call3(SYS_timer_gettime, core.timer, (long)&left, 0), 0);
    return left.it_value.tv_sec * SECOND + left.it_value.tv_nsec;
}
static void reset(void) {
    struct itimerspec off = {{0, 0}, {0, 0}};
    linux_call4(SYS_timer_settime, core.timer, 0, (long)&off, 0);
    core.timer_set = core.timer_wanted = TIME_NEVER;
}

// The processor stops after each instruction; after number `at` an interrupt comes, and arms the timer.
static volatile long steps, at;
static volatile int64_t interrupt_deadline;
static void on_step(int signal) {
    if (steps++ == at) plat_timer_arm(interrupt_deadline);
}
static void stepping(bool on) {
    if (on) __asm__ volatile("sub $128, %%rsp; pushfq; orl $0x100, (%%rsp); popfq; add $128, %%rsp" : : : "memory", "cc");
    else __asm__ volatile("sub $128, %%rsp; pushfq; andl $~0x100, (%%rsp); popfq; add $128, %%rsp" : : : "memory", "cc");
}

// An interrupt at each instruction of plat_timer_arm(outer) that arms `inner`; `before`: what the timer was set to.
static void interrupted(int64_t before, int64_t outer, int64_t inner) {
    for (at = 0, steps = 1; at < steps; at++) {
        int64_t now = plat_now_ns();
        reset();
        if (before) plat_timer_arm(now + before);
        interrupt_deadline = now + inner;
        steps = 0;
        stepping(true);
        plat_timer_arm(now + outer);
        stepping(false);
        int64_t left = kernel_left();
        CHECK(left > 0);
        CHECK(left <= core.timer_wanted - now); // later is allowed for neither
        CHECK(left <= core.timer_set - now);
    }
    CHECK(at > 20);
}

int main(void) {
    stub_p(0)->cpu = &core;
    core.tid = getpid();
    host_time_init();
    host_timer_create(&core);
    struct sigaction sa = {.sa_handler = on_step};
    sigaction(SIGTRAP, &sa, NULL);
    sigset_t tick; // the test says when it has come
    sigemptyset(&tick);
    sigaddset(&tick, SIGNAL_TICK);
    sigprocmask(SIG_BLOCK, &tick, NULL);

    plat_timer_arm(plat_now_ns() + 100 * SECOND);
    plat_timer_arm(plat_now_ns() + 200 * SECOND); // later: noted
    CHECK(kernel_left() <= 100 * SECOND);
    CHECK(!host_timer_due(&core)); // its signal: early
    CHECK(kernel_left() > 150 * SECOND);
    plat_timer_arm(TIME_NEVER);
    CHECK(!host_timer_due(&core));
    plat_timer_arm(plat_now_ns() - 1);
    CHECK(host_timer_due(&core));
    CHECK(!host_timer_due(&core)); // once

    interrupted(0, 500 * SECOND, 100 * SECOND);
    interrupted(0, 100 * SECOND, 500 * SECOND);
    interrupted(900 * SECOND, 500 * SECOND, 100 * SECOND);
    interrupted(300 * SECOND, 500 * SECOND, 100 * SECOND);
    return test_done();
}
