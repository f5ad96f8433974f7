// time.c -- clocks, sleep, timers and tickers for applications: thin doors over timer.c and channels.
//
// A Timer's fire function says what it is: wake_sleeper (arg: G), send_time (arg: Chan), start_function (f,
// arg).
#include "timer.h"
#include "chan.h"
#include "api/time.h"

#define noinline __attribute__((noinline))

struct Ticker {
    Timer t;
};

// arg and arg2; f is a function.
static const uint8_t timer_pointers[] = {1 << (offsetof(Timer, arg) / 8) | 1 << (offsetof(Timer, arg2) / 8)};
static const String timer_type_name = {"time.Timer", 10};
static const Type timer_type = {
    .size = sizeof(Timer),
    .ptrdata = offsetof(Timer, arg2) + 8,
    .align = 8,
    .field_align = 8,
    .kind = KIND_STRUCT,
    .gcdata = timer_pointers,
    .string = &timer_type_name,
};

// ---- clocks

int64_t time_now_ns(void) {
    int64_t now = plat_now_ns();
    RT_DOOR();
    return now;
}

static void wall_on_system_stack(void *ns) {
    *(int64_t *)ns = plat_wall_ns();
}

int64_t time_wall_ns(void) {
    int64_t ns;
    sys_call(wall_on_system_stack, &ns);
    RT_DOOR();
    return ns;
}

// ---- what timers do when they fire; system stack

static void wake_sleeper(const Timer *copy, int64_t now) {
    g_ready(copy->arg);
}

// A full channel drops the tick.
static void send_time(const Timer *copy, int64_t now) {
    chan_offer(copy->arg, &now);
}

static void start_function(const Timer *copy, int64_t now) {
    G *g = g_new((void (*)(void *))copy->f, copy->arg, (uintptr_t)start_function);
    if (!g) rt_fatal("out of memory (cannot create a goroutine)");
    g_ready_tail(g);
}

// ---- sleep

// There was no memory for the heap of timers.
static noinline void no_memory(MemoryForce *f) {
    if (!memory_force(f)) rt_fatal("out of memory (cannot arm a timer)");
}

static noinline void sleep_parked(int64_t ns) {
    G *g = g_self();
    Timer t = {.arg = g, .fire = wake_sleeper};
    int64_t when = timer_deadline(ns);
    MemoryForce f = {0, 0};
    while (unlikely(timer_arm(&t, when, 0) == ARM_NO_MEMORY))
        no_memory(&f);
    g->timer = &t;
    g_park(WAIT_SLEEP, NULL);
    g->timer = NULL;
    RT_DOOR();
}

void time_sleep(int64_t ns) {
    if (ns > 0) return sleep_parked(ns);
    RT_DOOR();
}

// ---- timers

static Timer *timer_make(void (*fire)(const Timer *, int64_t), void *f, void *arg) {
    Timer *t = heap_alloc(sizeof *t, &timer_type, 0);
    t->fire = fire;
    t->f = f;
    t->arg = arg; // t is younger than arg: no barrier
    return t;
}

static ArmResult arm(Timer *t, int64_t ns, int64_t period) {
    int64_t when = timer_deadline(ns);
    ArmResult r;
    MemoryForce f = {0, 0};
    while (unlikely((r = timer_arm(t, when, period)) == ARM_NO_MEMORY))
        no_memory(&f);
    return r;
}

Timer *timer_new(int64_t ns) {
    Timer *t = timer_make(send_time, NULL, chan_make_of(&type_int64_t, 1));
    arm(t, ns, 0);
    RT_DOOR();
    return t;
}

Timer *timer_func(int64_t ns, void (*fn)(void *), void *arg) {
    Timer *t = timer_make(start_function, (void *)fn, arg);
    arm(t, ns, 0);
    RT_DOOR();
    return t;
}

chan(int64_t) timer_chan(Timer *t) {
    nil_check(t);
    return t->fire == send_time ? (chan(int64_t))t->arg : NULL;
}

bool timer_stop(Timer *t) {
    nil_check(t);
    if (unlikely(!t->fire)) panic("time: Stop called on uninitialized Timer");
    bool armed = timer_disarm(t);
    RT_DOOR();
    return armed;
}

bool timer_reset(Timer *t, int64_t ns) {
    nil_check(t);
    if (unlikely(!t->fire)) panic("time: Reset called on uninitialized Timer");
    bool armed = arm(t, ns, 0) == ARM_WAS_ARMED;
    RT_DOOR();
    return armed;
}

chan(int64_t) time_after(int64_t ns) {
    return timer_chan(timer_new(ns));
}

// ---- tickers

Ticker *ticker_new(int64_t ns) {
    if (ns <= 0) panic("non-positive interval for NewTicker");
    Timer *t = timer_make(send_time, NULL, chan_make_of(&type_int64_t, 1));
    arm(t, ns, ns);
    RT_DOOR();
    return (Ticker *)t;
}

chan(int64_t) ticker_chan(Ticker *t) {
    return timer_chan(&t->t);
}

void ticker_stop(Ticker *t) {
    nil_check(t);
    timer_disarm(&t->t);
    RT_DOOR();
}

void ticker_reset(Ticker *t, int64_t ns) {
    if (ns <= 0) panic("non-positive interval for Ticker.Reset");
    nil_check(t);
    if (unlikely(!t->t.fire)) panic("time: Reset called on uninitialized Ticker");
    arm(&t->t, ns, ns);
    RT_DOOR();
}
