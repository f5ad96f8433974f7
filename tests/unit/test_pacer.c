// units: rt/pacer.c
// test_pacer.c -- the pacer against cases reckoned by hand and against what must hold for all.
#include "test.h"
#include "rt/pacer.h"

#define MB (1ull << 20)

static PacerMemory heap_only(uint64_t live) { return (PacerMemory){live, live, live}; }

static void goals(void) {
    Pacer p;
    PacerMemory m = heap_only(0);
    pacer_init(&p, 100, NO_LIMIT);
    CHECK_EQ(pacer_goal(&p, &m), 4 * MB); // the least
    pacer_init(&p, 25, NO_LIMIT);
    CHECK_EQ(pacer_goal(&p, &m), MB);
    p.marked = 40 * MB;
    CHECK_EQ(pacer_goal(&p, &m), 50 * MB);
    p.root_scan = 8 * MB; // stacks and globals count
    CHECK_EQ(pacer_goal(&p, &m), 52 * MB);
    p.percent = 200;
    CHECK_EQ(pacer_goal(&p, &m), (40 + 96) * MB);
    p.percent = -1;
    CHECK_EQ(pacer_goal(&p, &m), UINT64_MAX);
    CHECK_EQ(pacer_trigger(&p, &m), UINT64_MAX);
    p.percent = 0;
    CHECK_EQ(pacer_goal(&p, &m), 40 * MB);
    CHECK_EQ(pacer_trigger(&p, &m), 40 * MB);
    p.percent = INT32_MAX; // no overflow
    p.marked = UINT64_MAX / 2;
    CHECK_EQ(pacer_goal(&p, &m), UINT64_MAX);
}

static void limits(void) {
    Pacer p;
    pacer_init(&p, 100, 100 * MB);
    p.marked = 40 * MB;
    PacerMemory m = {50 * MB, 45 * MB, 45 * MB}; // 5 MB of other things
    CHECK_EQ(pacer_goal(&p, &m), 80 * MB);       // GOGC decides
    p.marked = 60 * MB;
    CHECK_EQ(pacer_goal(&p, &m), 94 * MB); // 100 - 5 - 1
    m = (PacerMemory){130 * MB, 100 * MB, 100 * MB};
    CHECK_EQ(pacer_goal(&p, &m), 60 * MB + LIMIT_STEP); // 30 of others, 30 too much: 39, but not below what lives
    CHECK(pacer_limited(&p, &m));
    p.marked = 10 * MB;
    CHECK_EQ(pacer_goal(&p, &m), 20 * MB);
    CHECK(!pacer_limited(&p, &m));
    p.marked = 30 * MB;
    CHECK_EQ(pacer_goal(&p, &m), 39 * MB);
    m = (PacerMemory){200 * MB, 60 * MB, 60 * MB};
    CHECK_EQ(pacer_goal(&p, &m), 30 * MB + LIMIT_STEP);      // nothing is left for the heap
    CHECK(pacer_trigger(&p, &m) >= 30 * MB + LIMIT_STEP / 2); // collect nearly all the time
    CHECK(pacer_trigger(&p, &m) <= 30 * MB + LIMIT_STEP);
    p.percent = -1; // the limit works alone
    m = (PacerMemory){50 * MB, 45 * MB, 45 * MB};
    CHECK_EQ(pacer_goal(&p, &m), 94 * MB);
    p.limit = 0;
    CHECK_EQ(pacer_goal(&p, &m), 30 * MB + LIMIT_STEP);
    pacer_init(&p, 100, 3 * MB); // smaller than twice the reserve behind the others
    m = (PacerMemory){2 * MB, MB, MB};
    CHECK_EQ(pacer_goal(&p, &m), LIMIT_RESERVE);
}

static void triggers(void) {
    Pacer p;
    PacerMemory m = heap_only(0);
    pacer_init(&p, 100, NO_LIMIT);
    p.marked = 64 * MB; // goal 128
    // Nothing to mark, or hardly anything is allocated meanwhile: as late as allowed; 61/64 of the way is 125, but up to 4 MB before a large goal are allowed
    CHECK_EQ(pacer_trigger(&p, &m), 125 * MB);
    p.cons_mark = 1;
    p.heap_scan = 30 * MB;
    CHECK_EQ(pacer_trigger(&p, &m), 125 * MB);
    p.marked = 640 * MB;
    CHECK_EQ(pacer_trigger(&p, &m), (1280 - 4) * MB);
    // Nothing known about the program: as much as there is to mark
    p.marked = 64 * MB;
    p.cons_mark = 0;
    CHECK_EQ(pacer_trigger(&p, &m), 98 * MB);
    p.heap_scan = 33 * MB;
    CHECK_EQ(pacer_trigger(&p, &m), 96 * MB); // but not before half of the way
    p.heap_scan = 10 * MB;
    p.cons_mark = PACE_ONE / 4; // a byte allocated for four scanned: at 75 % against 25 % three quarters
    CHECK_EQ(pacer_trigger(&p, &m), 128 * MB - 15 * MB / 2);
    p.cons_mark = PACE_ONE;
    CHECK_EQ(pacer_trigger(&p, &m), 118 * MB); // not 98: assists of one for one
    p.cons_mark = 1ull << 40;
    CHECK_EQ(pacer_trigger(&p, &m), 118 * MB);
    p.sweep_trigger = 120 * MB; // not before the last sweep had its time
    CHECK_EQ(pacer_trigger(&p, &m), 120 * MB);
    p.sweep_trigger = 140 * MB;
    CHECK_EQ(pacer_goal(&p, &m), 140 * MB);
    CHECK_EQ(pacer_trigger(&p, &m), 140 * MB);
    p.sweep_trigger = 0;
    p.triggered = 128 * MB; // a cycle that began too late has some way to go
    CHECK_EQ(pacer_goal(&p, &m), 128 * MB + 65536);
}

static void cycles(void) {
    Pacer p;
    pacer_init(&p, 100, NO_LIMIT);
    p.triggered = 3 * MB;
    PacerCycle c = {.live = 4 * MB, .marked = 2 * MB, .heap_scan = MB / 2, .root_scan = MB / 2, .wall_ns = 1000000, .procs = 4};
    pacer_end_cycle(&p, &c);
    CHECK_EQ(p.cons_mark, PACE_ONE / 3); // 1 MB at 75 %, 1 MB at 25 %
    CHECK_EQ(p.marked, 2 * MB);
    CHECK_EQ(p.triggered, UINT64_MAX);
    CHECK_EQ(p.sweep_trigger, 3 * MB);
    // Assists of a quarter: half and half.
    p.triggered = 3 * MB;
    c.assist_ns = 1000000;
    pacer_end_cycle(&p, &c);
    CHECK_EQ(p.cons_mark, PACE_ONE);
    // The largest of the last ones counts, this one and CONS_KEPT before.
    c.assist_ns = 0;
    for (int i = 0; i < CONS_KEPT + 1; i++) {
        CHECK_EQ(p.cons_mark, PACE_ONE);
        p.triggered = 3 * MB;
        pacer_end_cycle(&p, &c);
    }
    CHECK_EQ(p.cons_mark, PACE_ONE / 3);
    // Idle cores marked as well: what they did is the collector's, too.
    p.triggered = 3 * MB;
    c.idle_ns = 1000000;
    pacer_end_cycle(&p, &c);
    CHECK_EQ(p.cons_mark, 2 * PACE_ONE / 3);
    // Nothing was allocated, or no time went by: nothing learnt.
    uint64_t was = p.cons_mark;
    p.triggered = 4 * MB;
    pacer_end_cycle(&p, &c);
    CHECK_EQ(p.cons_mark, was);
    p.triggered = 3 * MB;
    c.wall_ns = 0;
    pacer_end_cycle(&p, &c);
    CHECK_EQ(p.cons_mark, was);
    // Hardly anything was allocated: that is known now.
    Pacer q;
    pacer_init(&q, 100, NO_LIMIT);
    q.triggered = 3 * MB;
    PacerCycle little = c;
    little.live = 3 * MB + 1;
    little.wall_ns = 1 << 30;
    pacer_end_cycle(&q, &little);
    CHECK_EQ(q.cons_mark, 1);
    // More assists than there was time: no division by what is left.
    c.wall_ns = 1000;
    p.triggered = 3 * MB;
    pacer_end_cycle(&p, &c);
    CHECK(p.cons_mark > was);
}

static void assists(void) {
    Pacer p;
    pacer_init(&p, 100, NO_LIMIT);
    p.marked = 50 * MB; // goal 100
    p.heap_scan = 20 * MB;
    p.triggered = 90 * MB;
    PacerMemory m = heap_only(90 * MB);
    CHECK_EQ(pacer_assist_ratio(&p, &m, 0, 90 * MB), 2 * PACE_ONE); // 20 for 10
    CHECK_EQ(pacer_assist_ratio(&p, &m, 10 * MB, 90 * MB), PACE_ONE);
    m.live = 95 * MB;
    CHECK_EQ(pacer_assist_ratio(&p, &m, 10 * MB, 95 * MB), 2 * PACE_ONE);
    // Nobody marks for milliseconds at one allocation: not more than 2 before the goal, 6 in the middle of the tenth behind it, 10 from there on,
    m.live = 99 * MB;
    CHECK_EQ(pacer_assist_ratio(&p, &m, 0, 99 * MB), 2 * PACE_ONE);
    m.live = 105 * MB;
    CHECK_EQ(pacer_assist_ratio(&p, &m, 0, 105 * MB), 6 * PACE_ONE);
    m.live = 110 * MB;
    CHECK_EQ(pacer_assist_ratio(&p, &m, 10 * MB, 110 * MB), 10 * (uint64_t)PACE_ONE);
    m.live = 200 * MB;
    CHECK_EQ(pacer_assist_ratio(&p, &m, 10 * MB, 200 * MB), 10 * (uint64_t)PACE_ONE);
    m.live = 92 * MB; // what is needed, if it is less
    CHECK_EQ(pacer_assist_ratio(&p, &m, 16 * MB, 92 * MB), PACE_ONE / 2);
    m.live = 110 * MB;
    p.limit = 100 * MB;
    CHECK(pacer_assist_ratio(&p, &m, 10 * MB, 110 * MB) > 1000 * (uint64_t)PACE_ONE); // unless memory is short
    p.limit = NO_LIMIT;
    // More than expected: all of it, and a goal that is as much further: 90 + 10 * 80 / 20
    m.live = 90 * MB;
    CHECK_EQ(pacer_assist_ratio(&p, &m, 21 * MB, 80 * MB), (80 - 21) * (uint64_t)PACE_ONE / 40);
    // But not beyond what GOGC adds to the goal: 200
    CHECK_EQ(pacer_assist_ratio(&p, &m, 21 * MB, 240 * MB), (240 - 21) * (uint64_t)PACE_ONE / 110);
    CHECK(pacer_assist_ratio(&p, &m, 20 * MB, 90 * MB) >= 1);
    p.percent = -1; // GOGC=off, a forced cycle: nearly free
    CHECK(pacer_assist_ratio(&p, &m, 0, 90 * MB) >= 1);
    CHECK(pacer_assist_ratio(&p, &m, 0, 90 * MB) < PACE_ONE / 1000);
}

static void sweeping(void) {
    CHECK_EQ(pacer_sweep_ratio(10 * MB, 15 * MB, 400), 101); // in 4 MB
    CHECK_EQ(pacer_sweep_ratio(10 * MB, 15 * MB, 0), 0);
    CHECK(pacer_sweep_ratio(10 * MB, 10 * MB, 400) >= 256 * 400); // within a page
    CHECK_EQ(pacer_sweep_ratio(10 * MB, UINT64_MAX, 400), 0);
    CHECK(pacer_sweep_ratio(0, 0, UINT64_MAX) <= UINT32_MAX);
}

static void limiter(void) {
    CpuLimiter l = {0};
    cpu_limiter_add(&l, 2, 900000000, 100000000);
    CHECK(!l.limiting);
    CHECK_EQ(l.fill, 0);
    cpu_limiter_add(&l, 2, 0, 1500000000);
    CHECK(!l.limiting);
    cpu_limiter_add(&l, 2, 100000000, 700000000); // 2.1 s of 2
    CHECK(l.limiting);
    CHECK_EQ(l.fill, 2100000000);
    cpu_limiter_add(&l, 2, 100000000, 0);
    CHECK(l.limiting);
    cpu_limiter_add(&l, 2, 5, 5);
    CHECK(l.limiting);
    cpu_limiter_add(&l, 2, 6, 5);
    CHECK(!l.limiting);
    CHECK_EQ(l.fill, 1999999999);
    cpu_limiter_add(&l, 2, 5, 6);
    CHECK(l.limiting);
    cpu_limiter_add(&l, 2, 0, 9000000000);
    CHECK_EQ(l.fill, 2500000000);
    cpu_limiter_add(&l, 2, 4000000000, 0);
    CHECK_EQ(l.fill, 0);
    CHECK(!l.limiting);
}

// Everybody assists whenever it is allowed, and the workers' quarter is taken in any case: a second beyond half, then half.
static void limiter_share(void) {
    CpuLimiter l = {0};
    int64_t program = 0, collector = 0;
    for (int ms = 0; ms < 60000; ms++) {
        int64_t taken = l.limiting ? 250000 : 1000000;
        program += 1000000 - taken;
        collector += taken;
        cpu_limiter_add(&l, 1, 1000000 - taken, taken);
    }
    CHECK(l.fill + 2000000 > l.capacity); // it has been full
    CHECK(collector - program <= 1002000000);
}

static uint64_t seed;
static uint64_t any(uint64_t below) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return below ? (seed >> 16) % below : 0;
}

// What holds for any settings and any past.
static void properties(void) {
    const char *s = getenv("SEED");
    seed = s ? strtoull(s, NULL, 0) : 1;
    for (int round = 0; round < 200000; round++) {
        Pacer p;
        pacer_init(&p, (int)any(400), any(3) ? NO_LIMIT : any(1ull << any(40)));
        p.marked = any(1ull << any(44));
        p.heap_scan = any(p.marked + 1);
        p.root_scan = any(1ull << any(30));
        p.cons_mark = 1 + any(1ull << any(41));
        p.sweep_trigger = any(2) ? p.marked + MB : 0;
        PacerMemory m;
        m.live = p.marked + any(p.marked + 1);
        m.heap = any(m.live + 1);
        m.used = m.heap + any(1ull << any(34));
        uint64_t goal = pacer_goal(&p, &m), trigger = pacer_trigger(&p, &m);
        CHECK(trigger <= goal);
        CHECK(goal >= p.marked);
        CHECK(trigger >= p.marked || p.marked > goal);
        Pacer more = p; // what takes longer to mark begins no later
        more.cons_mark += any(1 << 20);
        CHECK(pacer_trigger(&more, &m) <= trigger);
        PacerMemory fuller = m; // more of other things: no larger goal
        fuller.used += any(1 << 30);
        CHECK(pacer_goal(&p, &fuller) <= goal);
        p.triggered = trigger;
        uint64_t work = any(p.heap_scan + p.root_scan + 1), most = m.live + p.root_scan;
        uint64_t ratio = pacer_assist_ratio(&p, &m, work, most);
        CHECK(ratio >= 1);
        PacerMemory later = m; // nearer to the goal each byte costs no less
        later.live += any(1 << 22);
        if (later.live <= pacer_goal(&p, &m)) CHECK(pacer_assist_ratio(&p, &later, work, most) >= ratio);
    }
}

// A program with a steady heap and a steady rate: the goal is met without assists after some cycles.
static void converges(void) {
    Pacer p;
    pacer_init(&p, 100, NO_LIMIT);
    PacerMemory m = heap_only(0);
    uint64_t live = 0, over = 0;
    for (int cycle = 0; cycle < 20; cycle++) {
        uint64_t goal = pacer_goal(&p, &m), trigger = pacer_trigger(&p, &m);
        if (live < trigger) live = trigger;
        p.triggered = live;
        // 40 MB live, scanned at 400 MB a second by one of four cores, while three allocate 100 MB a second
        int64_t wall = 40 * 1000000000ll / 400;
        live += 100 * MB * (uint64_t)(wall / 1000) / 1000000;
        if (cycle >= 10 && live > goal + 1024) over++; // rounding
        PacerCycle c = {.live = live, .marked = 40 * MB, .heap_scan = 40 * MB, .wall_ns = wall, .procs = 4};
        pacer_end_cycle(&p, &c);
        p.sweep_trigger = 0;
        live = 40 * MB;
        if (cycle >= 10) CHECK(goal > 79 * MB && goal < 81 * MB);
    }
    CHECK_EQ(over, 0);
}

int main(void) {
    RUN(goals);
    RUN(limits);
    RUN(triggers);
    RUN(cycles);
    RUN(assists);
    RUN(sweeping);
    RUN(limiter);
    RUN(limiter_share);
    RUN(properties);
    RUN(converges);
    return test_done();
}
