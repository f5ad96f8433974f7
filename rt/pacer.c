// pacer.c -- see pacer.h.
#include "pacer.h"

#define MIN_TRIGGER_64   32u // of 64 parts from marked to goal: not earlier, or the collector would run nearly always, and garbage made while marking fill the heap
#define MAX_TRIGGER_64   61u // not later, or a burst meets the goal at once
#define RUNWAY_MIN       (64u << 10) // from trigger to goal
#define SWEEP_MARGIN     (1u << 20)
#define SCAN_LEFT_MIN    1000u
// Bytes of marking for a byte of allocation, at most, unless memory is limited: up to the goal, and a tenth beyond it. See "Assists" in pacer.h.
#define GENTLE           2u
#define STEEPEST         10u
#define PERCENT_OFF      100000 // GOGC=off, where a number is wanted

static uint64_t min_u(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t max_u(uint64_t a, uint64_t b) { return a > b ? a : b; }
static uint64_t less(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }
static uint64_t add(uint64_t a, uint64_t b) { return a + b < a ? UINT64_MAX : a + b; }

void pacer_init(Pacer *p, int percent, uint64_t limit) {
    *p = (Pacer){.percent = percent, .limit = limit, .triggered = UINT64_MAX};
}

static uint64_t percent_goal(const Pacer *p) {
    if (p->percent < 0) return UINT64_MAX;
    uint64_t percent = (uint64_t)p->percent;
    uint64_t goal = add(p->marked, mul_div(p->marked + p->root_scan, percent, 100));
    return max_u(goal, mul_div(HEAP_MINIMUM, percent, 100));
}

static uint64_t limit_goal(const Pacer *p, const PacerMemory *m) {
    if (p->limit == NO_LIMIT) return UINT64_MAX;
    uint64_t taken = add(less(m->used, m->heap), less(m->used, p->limit)); // by others, and what is too much already
    uint64_t goal = less(p->limit, taken);
    goal = goal < 2 * LIMIT_RESERVE ? LIMIT_RESERVE : goal - LIMIT_RESERVE;
    return max_u(taken < p->limit ? goal : 0, add(p->marked, LIMIT_STEP));
}

bool pacer_limited(const Pacer *p, const PacerMemory *m) { return limit_goal(p, m) <= percent_goal(p); }

// *earliest: not to begin below so many live bytes.
static uint64_t goal_and_earliest(const Pacer *p, const PacerMemory *m, uint64_t *earliest) {
    uint64_t goal = percent_goal(p), limited = limit_goal(p, m);
    *earliest = 0;
    if (limited < goal) return limited;
    *earliest = p->sweep_trigger;
    goal = max_u(goal, p->sweep_trigger);
    if (p->triggered != UINT64_MAX) goal = max_u(goal, add(p->triggered, RUNWAY_MIN));
    return goal;
}

uint64_t pacer_goal(const Pacer *p, const PacerMemory *m) {
    uint64_t earliest;
    return goal_and_earliest(p, m, &earliest);
}

uint64_t pacer_trigger(const Pacer *p, const PacerMemory *m) {
    uint64_t earliest, goal = goal_and_earliest(p, m, &earliest);
    if (goal == UINT64_MAX) return UINT64_MAX;
    if (p->marked >= goal) return goal;
    uint64_t distance = goal - p->marked;
    uint64_t lo = max_u(max_u(earliest, p->marked), p->marked + distance / 64 * MIN_TRIGGER_64);
    uint64_t hi = max_u(p->marked + distance / 64 * MAX_TRIGGER_64, less(goal, HEAP_MINIMUM));
    hi = max_u(hi, lo);
    // No more than assists need that cost a byte of marking for each allocated: a small heap is marked before much happens, whatever cons/mark said of it.
    uint64_t scan = p->heap_scan + p->root_scan, runway = scan;
    if (p->cons_mark) runway = min_u(runway, mul_div(3 * p->cons_mark, scan, PACE_ONE)); // 3: shares of 75 % and 25 %
    uint64_t trigger = runway > goal ? lo : goal - runway;
    return min_u(min_u(max_u(trigger, lo), hi), goal);
}

void pacer_end_cycle(Pacer *p, const PacerCycle *c) {
    uint64_t total = (uint64_t)c->wall_ns * (uint64_t)c->procs;
    uint64_t collector = total / 4 + (uint64_t)c->assist_ns, program = less(total, collector);
    if (c->live > p->triggered && total) { // else too little happened to learn from
        if (!program) program = 1;
        uint64_t now = mul_div(c->live - p->triggered, collector + (uint64_t)c->idle_ns, program);
        now = mul_div(now, PACE_ONE, max_u(c->heap_scan + c->root_scan, 1));
        now = max_u(min_u(now, 1ull << 40), 1); // 0 means that nothing is known; a million bytes for one: then the trigger is at its lowest anyway
        p->cons_mark = now;
        for (int i = 0; i < CONS_KEPT; i++)
            p->cons_mark = max_u(p->cons_mark, p->cons_marks[i]);
        for (int i = 1; i < CONS_KEPT; i++)
            p->cons_marks[i - 1] = p->cons_marks[i];
        p->cons_marks[CONS_KEPT - 1] = now;
    }
    p->marked = c->marked;
    p->heap_scan = c->heap_scan;
    p->root_scan = c->root_scan;
    p->triggered = UINT64_MAX;
    p->sweep_trigger = add(c->marked, SWEEP_MARGIN);
}

// Live bytes, what they should be, and a tenth of that.
static uint64_t steepest(uint64_t live, uint64_t goal, uint64_t tenth) {
    uint64_t beyond = min_u(less(live, goal), tenth);
    return GENTLE * PACE_ONE + (tenth ? mul_div((STEEPEST - GENTLE) * PACE_ONE, beyond, tenth) : 0);
}

uint64_t pacer_assist_ratio(const Pacer *p, const PacerMemory *m, uint64_t scanned, uint64_t most) {
    uint64_t percent = p->percent < 0 ? PERCENT_OFF : (uint64_t)p->percent;
    uint64_t goal = pacer_goal(p, m), expected = p->heap_scan + p->root_scan;
    bool by_limit = pacer_limited(p, m);
    if (scanned > expected) {
        uint64_t stretched = add(mul_div(less(goal, p->triggered), most, max_u(expected, 1)), p->triggered);
        goal = max_u(goal, min_u(stretched, mul_div(goal, 100 + percent, 100)));
        expected = most;
    }
    uint64_t tenth = goal / 10, at_most = steepest(m->live, goal, tenth);
    if (m->live > goal) {
        goal = add(goal, tenth);
        expected = most;
    }
    uint64_t to_scan = max_u(less(expected, scanned), SCAN_LEFT_MIN);
    uint64_t to_allocate = max_u(less(goal, m->live), 1);
    uint64_t ratio = max_u(mul_div(to_scan, PACE_ONE, to_allocate), 1);
    return by_limit ? ratio : min_u(ratio, at_most);
}

uint64_t pacer_sweep_ratio(uint64_t live, uint64_t trigger, uint64_t pages) {
    if (trigger == UINT64_MAX) return 0; // nothing will wait for it
    uint64_t distance = max_u(less(less(trigger, live), SWEEP_MARGIN), 4096);
    return min_u(mul_div(pages, 1u << 20, distance), UINT32_MAX - 1) + (pages > 0);
}

void cpu_limiter_add(CpuLimiter *l, int procs, int64_t program_ns, int64_t collector_ns) {
    int64_t change = collector_ns - program_ns;
    l->capacity = (uint64_t)procs * 1000000000u;
    l->fill = change > 0 ? l->fill + (uint64_t)change : less(l->fill, (uint64_t)-change);
    l->fill = min_u(l->fill, l->capacity + l->capacity / 4);
    l->limiting = l->fill >= l->capacity;
}
