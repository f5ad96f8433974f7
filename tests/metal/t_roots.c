// t_roots.c -- the runtime's roots: a pointer that lives only in a parked goroutine's stack, a preempted one's registers, a
// new goroutine's argument, a timer, or the caller's own frame is found by roots_for_each.
#include "metal.h"
#include "rt/root.h"
#include "rt/sched.h"

// The values stand for heap addresses. They are made from parts, so that nothing but their holder contains them.
enum { VALUES = 5 };
static const char *const names[VALUES] = {"stack of a parked goroutine", "registers of a preempted one", "argument of a new one", "an armed timer",
                                          "own frame"};
static uint64_t half[VALUES]; // value = half << 1
static int seen[VALUES];
static volatile bool release, spinning, holding;

static uint64_t value(int i) { return half[i] << 1; }

static ON_SYSTEM_STACK void look_words(const uint64_t *w, const uint64_t *hi) {
    for (; w + 1 <= hi; w++)
        for (int i = 0; i < VALUES; i++)
            if (*w >> 1 == half[i] && (*w & 1) == 0) seen[i]++;
}
static ON_SYSTEM_STACK void look(const Root *r, void *unused) {
    look_words(r->lo, r->hi);
    if (r->kind != ROOT_TIMERS) return;
    for (uint64_t *const *t = r->lo; t < (uint64_t *const *)r->hi; t++)
        look_words(*t, *t + 9); // a Timer
}
static ON_SYSTEM_STACK void look_at_all(void *unused) { roots_for_each(look, NULL); }

static chan(int) gate;
static __attribute__((noinline)) void parked(void *unused) {
    volatile uint64_t held = value(0);
    hint_store(&holding, true);
    int v;
    chan_recv_ok(gate, &v);
    if (held != value(0)) println("FAIL parked value changed");
}

static void spinner(void *unused) {
    register uint64_t held __asm__("r14") = value(1);
    hint_store(&spinning, true);
    while (!hint_load(&release))
        __asm__ volatile("" : "+r"(held));
    if (held != value(1)) println("FAIL register changed");
}

static void never_run(void *arg) {}
static void timer_fired(void *arg) {}

int main(int argc, char **argv) {
    uint64_t seed = (uint64_t)time_now_ns() * 0x9e3779b97f4a7c15ull;
    for (int i = 0; i < VALUES; i++)
        half[i] = (seed ^ (uint64_t)i * 0x2545f4914f6cdd1dull) >> 2 | 1;
    gate = chan_make(int, 0);
    go(parked, NULL);
    go(spinner, NULL);
    while (!hint_load(&spinning) || !hint_load(&holding))
        gosched();
    Timer *t = timer_func(3600 * SECOND, timer_fired, (void *)value(3));
    volatile uint64_t own = value(4);

    go(never_run, (void *)value(2));
    world_stopped_do(look_at_all, NULL);
    for (int i = 0; i < VALUES; i++)
        check_true(names[i], seen[i] > 0);
    if (own != value(4)) println("FAIL own value changed");
    timer_stop(t);
    hint_store(&release, true);
    chan_close(gate);
    return check_end("t_roots");
}
