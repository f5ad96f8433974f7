// sched.c -- all cores, one P each; preemption by timer; and what the developer may decide.
#include "tour.h"

enum { CORES_MAX = 256 };
static AtomicInt64 ran_on[CORES_MAX];
static WaitGroup wg;
static AtomicBool stop;

static void compute(void *unused) {
    int64_t end = time_now_ns() + 20 * MILLISECOND;
    while (time_now_ns() < end) {
    }
    atomic_int64_add(&ran_on[core_id() % CORES_MAX], 1);
    waitgroup_done(&wg);
}
static void all_cores(void) {
    int p = gomaxprocs(0), used = 0;
    claim("Every core is used: one P each, and whoever has nothing to do steals", "rt/proc.c, rt/runq.c, rt/idle.c");
    // A host that keeps one of its cores from an emulator for long proves nothing: more rounds.
    for (int round = 0; round < 20 && used < p; round++) {
        waitgroup_add(&wg, 8 * p);
        for (int i = 0; i < 8 * p; i++)
            go(compute, NULL);
        waitgroup_wait(&wg);
        used = 0;
        for (int i = 0; i < p && i < CORES_MAX; i++)
            used += atomic_int64_load(&ran_on[i]) > 0;
    }
    for (int i = 0; i < p && i < 8; i++)
        seen("core %d ran %ld of the computations", i, (long)atomic_int64_load(&ran_on[i]));
    holds(used == p, "%d of %d cores ran some", used, p);
}

static void endless(void *unused) {
    while (!*(volatile bool *)&stop) {
    }
    waitgroup_done(&wg);
}
static void preemption(void) {
    int p = gomaxprocs(0);
    claim("A loop without a call does not keep its core: a timer interrupt takes it off, anywhere", "rt/preempt.c, kernel/x86/apic.c");
    atomic_bool_store(&stop, false);
    waitgroup_add(&wg, 2 * p);
    for (int i = 0; i < 2 * p; i++)
        go(endless, NULL);
    int64_t worst = 0;
    enum { TICKS = 50 };
    for (int i = 0; i < TICKS; i++) {
        int64_t s = time_now_ns();
        time_sleep(MILLISECOND);
        int64_t late = time_now_ns() - s - MILLISECOND;
        if (late > worst) worst = late;
    }
    atomic_bool_store(&stop, true);
    waitgroup_wait(&wg);
    holds(worst < 30 * SECOND, "%d such loops on %d cores; %d sleeps of 1 ms beside them all came back, at most %ld us late", 2 * p, p, TICKS, (long)worst / 1000);
}

// ---- the developer decides
static chan(int) said;
static void low(void *unused) {
    goroutine_priority(PRIORITY_LOW);
    gosched();
    chan_send(said, 3);
}
static void normal(void *unused) { chan_send(said, 2); }
static void high(void *unused) { chan_send(said, 1); }
static void pinned(void *core) {
    int want = (int)(intptr_t)core, wrong = 0;
    if (!goroutine_pin(want)) wrong++;
    for (int i = 0; i < 1000; i++) {
        wrong += core_id() != want;
        gosched();
    }
    if (wrong == 0) atomic_int64_add(&ran_on[0], 1);
    waitgroup_done(&wg);
}
static AtomicInt64 guests;
static AtomicBool owned;
static void guest(void *core) {
    if (atomic_bool_load(&owned) && core_id() == (int)(intptr_t)core) atomic_int64_add(&guests, 1);
    waitgroup_done(&wg);
}
static void owner(void *unused) {
    goroutine_pin(gomaxprocs(0) - 1);
    int core = core_id();
    bool own = goroutine_own_core(true);
    atomic_bool_store(&owned, own);
    chan_send(said, (int)own);
    waitgroup_add(&wg, 200);
    for (int i = 0; i < 200; i++)
        go(guest, (void *)(intptr_t)core);
    for (int64_t end = time_now_ns() + 5 * MILLISECOND; time_now_ns() < end;) {
    }
    waitgroup_wait(&wg);
    atomic_bool_store(&owned, false);
    goroutine_own_core(false);
    goroutine_pin(-1);
    chan_send(said, 0);
}

static void decisions(void) {
    int p = gomaxprocs(0);
    claim("The developer schedules where it matters: yield, pin, priority, a core of one's own", "rt/api/base.h, rt/proc.c, docs/language.md");
    atomic_int64_store(&ran_on[0], 0);
    waitgroup_add(&wg, p);
    for (intptr_t i = 0; i < p; i++)
        go(pinned, (void *)i);
    waitgroup_wait(&wg);
    holds(atomic_int64_load(&ran_on[0]) == p, "%d goroutines pinned to a core each yielded 1000 times and never left it", p);

    said = chan_make(int, 8);
    int before = gomaxprocs(1);
    Priority old = goroutine_priority(PRIORITY_HIGH);
    go(low, NULL);
    gosched();
    go(normal, NULL);
    go(high, NULL);
    goroutine_priority(old);
    int order[3];
    for (int i = 0; i < 3; i++)
        order[i] = chan_recv(said);
    gomaxprocs(before);
    holds(order[2] == 3, "the goroutine of class LOW ran last of three that were ready: %d %d %d", order[0], order[1], order[2]);

    if (p > 1) {
        go(owner, NULL);
        bool own = chan_recv(said);
        chan_recv(said);
        holds(own && atomic_int64_load(&guests) == 0, "a goroutine owned core %d: of 200 others %ld ran there meanwhile", p - 1, (long)atomic_int64_load(&guests));
    }
}

void sched_claims(void) {
    all_cores();
    preemption();
    decisions();
}
