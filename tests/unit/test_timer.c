// units: rt/timer.c rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// test_timer.c -- the heaps of deadlines of two cores against a plain model: what fires, when, in which
// order; arming and disarming from either core; growth, and its failure.
#include "stub_plat.h"
#include "timer.h"

enum { TIMERS = 2000, STEPS = 60000 };
typedef struct Timer Timer;
static Timer timer[TIMERS];
static struct {
    bool armed;
    int core;
    int64_t when, period;
} model[TIMERS];
static int64_t last_when;
static int fired, changed;
static int64_t run_now;

void sched_timer_changed(P *p) {
    changed++;
}
int64_t plat_now_ns(void) {
    static int64_t now = 1000000;
    return ++now;
}

static void fire(const Timer *copy, int64_t now) {
    int i = (int)(intptr_t)copy->arg;
    CHECK(model[i].armed);
    CHECK_EQ(copy->when, model[i].when);
    CHECK_EQ(now, run_now);
    CHECK(copy->when <= now && copy->when >= last_when); // in order
    last_when = copy->when;
    if (model[i].period > 0) {
        while (model[i].when <= now)
            model[i].when += model[i].period;
        last_when =
            INT64_MIN; // it may come again behind later ones only in another run: order is checked up to here
    } else {
        model[i].armed = false;
    }
    fired++;
}

static int64_t model_next(int core) {
    int64_t next = TIME_NEVER;
    for (int i = 0; i < TIMERS; i++)
        if (model[i].armed && model[i].core == core && model[i].when < next) next = model[i].when;
    return next;
}

static void run(int core, int64_t now) {
    stub_set_p(stub_p(core));
    run_now = now;
    int64_t next;
    do { // it fires a bounded number at once
        last_when = INT64_MIN;
        fired = 0;
        next = timers_run(stub_p(core), now);
    } while (next <= now && fired > 0);
    CHECK_EQ(next, model_next(core));
    CHECK_EQ(load_relaxed(&stub_p(core)->timer_next), next);
    for (int i = 0; i < TIMERS; i++)
        if (model[i].armed && model[i].core == core) CHECK(model[i].when > now);
}

static void arm(int i, int core, int64_t when, int64_t period) {
    P *p = stub_p(core);
    stub_set_p(p);
    int64_t before = load_relaxed(&p->timer_next);
    int was_changed = changed;
    CHECK_EQ(timer_arm(&timer[i], when, period), model[i].armed ? ARM_WAS_ARMED : ARM_WAS_IDLE);
    model[i].armed = true;
    model[i].core = core;
    model[i].when = when;
    model[i].period = period;
    CHECK_EQ(changed - was_changed,
             load_relaxed(&p->timer_next) < before); // told exactly when the first got earlier
}

static void disarm(int i, int core) {
    stub_set_p(stub_p(core)); // from any core
    CHECK_EQ(timer_disarm(&timer[i]), model[i].armed);
    model[i].armed = false;
}

static void test_steps(void) {
    for (int i = 0; i < TIMERS; i++) {
        timer[i].arg = (void *)(intptr_t)i;
        timer[i].fire = fire;
    }
    int64_t now = 1000;
    for (int step = 0; step < STEPS; step++) {
        int i = (int)test_below(TIMERS), core = (int)test_below(2);
        switch (test_below(8)) {
        case 0:
            disarm(i, core);
            break;
        case 1:
            arm(i, core, now + (int64_t)test_below(1000), 1 + (int64_t)test_below(500));
            break;
        default:
            arm(i, core, now - 100 + (int64_t)test_below(5000), 0);
            break;
        }
        if (step % 500 == 0) {
            now += (int64_t)test_below(1500);
            run(0, now);
            run(1, now);
        }
    }
    // All to core 1, then everything stops.
    timers_move(stub_p(0), stub_p(1));
    for (int i = 0; i < TIMERS; i++)
        model[i].core = 1;
    CHECK_EQ(load_relaxed(&stub_p(0)->timer_next), TIME_NEVER);
    run(1, now + 100000);
    for (int i = 0; i < TIMERS; i++)
        disarm(i, 0);
    CHECK_EQ(load_relaxed(&stub_p(1)->timer_next), TIME_NEVER);
    CHECK_EQ(stub_p(1)->timers.n, 0);
}

static void test_deadline(void) {
    int64_t now = plat_now_ns();
    CHECK(timer_deadline(0) >= now && timer_deadline(-1) >= now && timer_deadline(INT64_MIN) >= now);
    CHECK(timer_deadline(1000) >= now + 1000);
    CHECK_EQ(timer_deadline(INT64_MAX), TIME_NEVER - 1); // still a timer, never "none"
}

// A period that reaches beyond the end of time.
static void test_overflow(void) {
    P *p = stub_p(0);
    stub_set_p(p);
    static Timer t;
    t.arg = (void *)0;
    t.fire = fire;
    model[0].armed = true;
    model[0].when = 10;
    model[0].period = INT64_MAX - 20;
    CHECK_EQ(timer_arm(&t, 10, INT64_MAX - 20), ARM_WAS_IDLE);
    run_now = 11;
    last_when = INT64_MIN;
    CHECK_EQ(timers_run(p, 11), INT64_MAX - 10);
    CHECK(timer_disarm(&t));
    model[0].armed = false;
}

int main(void) {
    static char *memory;
    memory = stub_reserve(64 << 20);
    CHECK(rt_mem_add((uintptr_t)memory, (uintptr_t)memory + (64 << 20), 0));
    for (int i = 0; i < 2; i++) {
        P *p = stub_p(i);
        p->id = (uint32_t)i;
        lock_init(&p->timers_lock, RANK_TIMERS);
        store_relaxed(&p->timer_next, TIME_NEVER);
    }
    RUN(test_deadline);
    RUN(test_overflow);
    RUN(test_steps);
    return test_done();
}
