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
    claim("Every core is used: one P each, and whoever has nothing to do steals", "rt/queues.c: sched_find, rt/runq.c: runq_steal, rt/idle.c: idle_until_work");
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

static AtomicInt64 begun, gave_up;
static void endless(void *unused) {
    uint64_t turns = 0;
    atomic_int64_add(&begun, 1);
    while (turns < TURNS_MAX && !*(volatile bool *)&stop)
        turns++;
    if (turns == TURNS_MAX) atomic_int64_add(&gave_up, 1);
    waitgroup_done(&wg);
}
static void preemption(void) {
    int p = gomaxprocs(0);
    claim("A loop without a call does not keep its core: a timer interrupt takes it off, anywhere", "rt/preempt.c: rt_irq_tick, kernel/x86/apic.c: apic_timer_arm_ns");
    atomic_bool_store(&stop, false);
    waitgroup_add(&wg, 2 * p);
    for (int i = 0; i < 2 * p; i++)
        go(endless, NULL);
    int64_t worst = 0;
    enum { TICKS = 50 };
    int ticks = 0, loops = 0; // sleeps that came back since all loops have begun; loops that had begun before one gave up
    while (ticks < TICKS) {
        int64_t s = time_now_ns();
        time_sleep(MILLISECOND);
        int64_t late = time_now_ns() - s - MILLISECOND;
        if (late > worst) worst = late;
        int n = (int)atomic_int64_load(&begun);
        if (atomic_int64_load(&gave_up) > 0) break;
        loops = n;
        ticks += loops == 2 * p;
    }
    atomic_bool_store(&stop, true);
    waitgroup_wait(&wg);
    holds(ticks == TICKS, "%d of %d such loops were under way at once on %d cores; beside them %d sleeps of 1 ms came back, at most %ld us late", loops, 2 * p, p, ticks, (long)worst / 1000);
}

// ---- the developer decides
static chan(int) said;
static chan(int) gates[2];
static void of_class(void *class) { // 0: HIGH, 2: LOW
    Priority mine = (Priority)(intptr_t)class;
    goroutine_priority(mine);
    waitgroup_done(&wg);
    chan_recv(gates[mine / 2]);
    chan_send(said, (int)mine);
}
static void normal(void *unused) { chan_send(said, PRIORITY_NORMAL); }
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
    for (int i = 0; i < 50; i++) {
        if (atomic_bool_load(&owned) && core_id() == (int)(intptr_t)core) atomic_int64_add(&guests, 1);
        gosched();
    }
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
    waitgroup_wait(&wg); // the core has nothing to do meanwhile, and made them
    atomic_bool_store(&owned, false);
    goroutine_own_core(false);
    goroutine_pin(-1);
    chan_send(said, 0);
}

static void decisions(void) {
    int p = gomaxprocs(0);
    claim("The developer schedules where it matters: yield, pin, priority, a core of one's own", "rt/proc.c: goroutine_pin, goroutine_priority, goroutine_own_core; rt/api/base.h, docs/language.md");
    atomic_int64_store(&ran_on[0], 0);
    waitgroup_add(&wg, p);
    for (intptr_t i = 0; i < p; i++)
        go(pinned, (void *)i);
    waitgroup_wait(&wg);
    holds(atomic_int64_load(&ran_on[0]) == p, "%d goroutines pinned to a core each yielded 1000 times and never left it", p);

    said = chan_make(int, 8);
    int before = gomaxprocs(1);
    waitgroup_add(&wg, 2);
    for (intptr_t class = 0; class < 3; class += 2) {
        gates[class / 2] = chan_make(int, 1);
        go(of_class, (void *)class);
    }
    waitgroup_wait(&wg);
    Priority old = goroutine_priority(PRIORITY_HIGH); // from here on none of the others runs, but HIGH ones
    chan_send(gates[1], 0); // LOW is ready first: without classes it would not run last, whether the next is the oldest or the newest
    for (int i = 0; i < 2; i++)
        go(normal, NULL);
    chan_send(gates[0], 0);
    goroutine_priority(old);
    int order[4];
    for (int i = 0; i < 4; i++)
        order[i] = chan_recv(said);
    gomaxprocs(before);
    holds(order[0] == PRIORITY_HIGH && order[3] == PRIORITY_LOW, "of four that were ready, LOW (2) first, HIGH (0) last, they ran by class: %d %d %d %d", order[0], order[1], order[2], order[3]);

    if (p > 1) {
        go(owner, NULL);
        bool own = chan_recv(said);
        chan_recv(said);
        holds(own && atomic_int64_load(&guests) == 0, "a goroutine owned core %d: 200 others looked 50 times each where they were, %ld times there", p - 1, (long)atomic_int64_load(&guests));
    }
}

void sched_claims(void) {
    all_cores();
    preemption();
    decisions();
}
