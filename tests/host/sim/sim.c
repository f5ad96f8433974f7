// sim.c -- the loop of the simulated machine: lets one core run to its next point, then decides what happens.
//
// At each stop, in this order: time passes and due timers raise ticks; one of the cores that can run is chosen; if an interrupt is
// pending for it and it is not in one, it is delivered unless held back. The default, choice 0 everywhere, is: the same core goes on
// until it spins or sleeps, then the next one; interrupts arrive at once; time creeps.
//
// Checked at every point: work conservation. When each core either sleeps, with nothing on the way to wake it, or runs the program
// (not in the middle of a runtime call), then no sleeper may leave goroutines waiting that it could take.
//
// A core that spins waits for another one, so the others come first, and they do after STREAK_MAX points of one core: a program may
// compute for ever. If nobody can run, time jumps to the first deadline; if
// there is none, a wake-up was lost or never sent: a hang.
#include "case.h"
#include "sim.h"

Machine sim;
SimCore *sim_running_core; // switch.asm
uint64_t sim_points_max = 300000;
char sim_output[SIM_OUTPUT_MAX];

void sim_resume(SimCore *c); // switch.asm
void sim_app_resume(void);
extern const char __start_app_text[], __stop_app_text[];

#define STREAK_MAX 1000
#define STEP_SPIN  1000 // ns that pass at least while everybody who can run only spins
#define STEP_FAIR  100 // ns of a core's own time between two points of it, with SIM_FAIR

// ---- contexts

// What sim_resume finds on a stack that has never run: six registers and the entry, which is entered with rsp as after a call.
static uintptr_t new_context(uintptr_t top, uintptr_t entry) {
    uintptr_t *sp = (uintptr_t *)(top & ~(uintptr_t)15);
    *--sp = 0; // the entry's return address: it does not return
    *--sp = entry;
    for (int i = 0; i < 6; i++)
        *--sp = 0;
    return (uintptr_t)sp;
}

// The point's return address.
static uintptr_t stopped_at(const SimCore *c) { return ((uintptr_t *)c->sp)[6]; }
static bool in_app_text(uintptr_t pc) { return pc >= (uintptr_t)__start_app_text && pc < (uintptr_t)__stop_app_text; }

static void core_entry(void) {
    SimCore *c = sim.running;
    c->fn(c->id);
    __builtin_unreachable();
}

// On the core's interrupt stack. A point in application text is resumed by sim_app_resume, which is application text, too: so the runtime
// may take the goroutine off there, as an interrupt would.
static void irq_entry(void) {
    SimCore *c = sim.running;
    uintptr_t pc = ((uintptr_t *)c->interrupted)[6];
    bool app = in_app_text(pc);
    TrapFrame tf = {.rip = (uintptr_t)(app ? sim_app_resume : irq_entry), .rsp = c->interrupted, .rflags = 0x202};
    __asm__("mov %%cs, %0\n\tmov %%ss, %1" : "=r"(tf.cs), "=r"(tf.ss));
    while (c->devices > 0) {
        struct Device d = c->device[--c->devices];
        d.fn(d.arg);
    }
    if (c->in_tick ? rt_irq_tick(&tf) : rt_irq_ipi(&tf)) c->interrupted = new_context(tf.rsp, tf.rip);
    sim_stop(STOP_IRQ_END);
    __builtin_unreachable();
}

void sim_start_core(SimCore *c, void (*fn)(int cpu)) {
    c->fn = fn;
    c->state = CORE_READY;
    c->sp = new_context(c->sys_hi, (uintptr_t)core_entry);
}

static void deliver(SimCore *c) {
    c->interrupted = c->sp;
    c->in_tick = c->tick;
    if (c->tick) c->tick = false;
    else c->ipi = false;
    trace_event(c->in_tick ? "tick" : "ipi", c, stopped_at(c));
    c->sp = new_context(c->irq_hi, (uintptr_t)irq_entry);
}

void sim_stop(StopReason why) {
    sim.reason = why;
    sim_point();
}

static void resume(SimCore *c) {
    static P *gs;
    if (gs != c->p) {
        __asm__ volatile("wrgsbase %0" : : "r"(c->p));
        gs = c->p;
    }
    plat_guard_set(c->guard);
    sim.running = c;
    sim.reason = STOP_POINT;
    sim_resume(c);
    c->guard = plat_guard_get();
    sim.points++;
}

// ---- time

static SimCore *first_deadline(void) {
    SimCore *first = NULL;
    for (int i = 0; i < sim.cores; i++) {
        SimCore *c = &sim.core[i];
        if (c->deadline != TIME_NEVER && (!first || c->deadline < first->deadline)) first = c;
    }
    return first;
}

static void raise_ticks(void) {
    for (int i = 0; i < sim.cores; i++) {
        SimCore *c = &sim.core[i];
        if (c->deadline > sim.now) continue;
        c->deadline = TIME_NEVER;
        c->tick = true;
    }
}

static void jump_to(const SimCore *c) {
    if (sim.now < c->deadline) sim.now = c->deadline;
    raise_ticks();
}

static bool fair(void) { return sim.choosing && sim.flags & SIM_FAIR; }

static bool can_run(const SimCore *c);

static int running_cores(void) {
    int n = 0;
    for (int i = 0; i < sim.cores; i++)
        n += can_run(&sim.core[i]);
    return n;
}

static void pass_time(bool spins) {
    if (fair()) {
        int n = running_cores();
        sim.now += (STEP_FAIR + n / 2) / (n ? n : 1);
        raise_ticks();
        return;
    }
    int64_t step = sim.choosing ? choose_step() : 50;
    sim.now += spins && step < STEP_SPIN ? STEP_SPIN : step;
    raise_ticks();
    SimCore *first = first_deadline();
    if (sim.choosing && first && choose(CHOOSE_TIME, 2)) {
        trace_event("time jumps, seen by", sim.running, 0);
        jump_to(first);
    }
}

// ---- who is next

static bool can_run(const SimCore *c) {
    return c->state == CORE_READY || (c->state == CORE_IDLE && (c->woken || c->ipi || c->tick || c->interrupted));
}

static SimCore *pick(SimCore *last, bool spins) {
    SimCore *can[SIM_CORES_MAX];
    int n = 0;
    spins |= fair(); // the others first
    if (!spins && can_run(last)) can[n++] = last;
    for (int i = 1; i < sim.cores; i++) {
        SimCore *c = &sim.core[(last->id + i) % sim.cores];
        if (can_run(c)) can[n++] = c;
    }
    if (n == 0 && can_run(last)) return last;
    if (n <= 1 || !sim.choosing || fair()) return n ? can[0] : NULL;
    return can[choose(spins ? CHOOSE_SPINNER : CHOOSE_CORE, n)];
}

// The next core, ready to be resumed; NULL: a hang.
static SimCore *decide(SimCore *last, bool spins) {
    pass_time(spins);
    SimCore *c;
    while (!(c = pick(last, spins))) {
        SimCore *first = first_deadline();
        if (!first) return NULL;
        jump_to(first);
    }
    if (c != last) {
        sim.streak = 0;
        trace_event("leaves", last, stopped_at(last));
        trace_event("goes on", c, stopped_at(c));
    }
    bool asleep = c->state == CORE_IDLE;
    c->state = CORE_READY;
    c->woken = false;
    if (c->interrupted || !(c->ipi || c->tick)) return c;
    if (!asleep && sim.choosing && !c->hold) c->hold = choose_hold() + 1;
    if (asleep || c->hold <= 1) {
        c->hold = 0;
        deliver(c);
    } else {
        c->hold--;
    }
    return c;
}

// ---- work conservation; plain reads, because nothing runs meanwhile

#define PEEK(x) (*(volatile __typeof__(x) *)&(x))

static bool work_waits(void) {
    if (PEEK(sched.global_count)) return true;
    for (int i = 0; i < sched.nproc; i++) {
        const RunQ *q = &rt_ps[i]->runq;
        if (!rt_ps[i]->reserved_by_g && (PEEK(q->head) != PEEK(q->tail) || *(G *volatile *)&q->runnext)) return true;
    }
    return false;
}

static bool sleeps(const SimCore *c) { return c->state == CORE_IDLE && !c->woken && !c->ipi && !c->tick && !c->interrupted; }

static bool sleeper_missed_work(void) {
    bool sleeper = false;
    for (int i = 0; i < sim.cores; i++) {
        const SimCore *c = &sim.core[i];
        if (!sleeps(c) && (c->state != CORE_READY || c->interrupted || !in_app_text(stopped_at(c)))) return false;
        sleeper |= sleeps(c) && i < sched.nproc && !c->p->reserved_by_g;
    }
    return sleeper && work_waits();
}

// Runs until something else than a point happens and returns that; fills *next when the machine goes on.
static StopReason step(SimCore *c, SimCore **next) {
    resume(c);
    if (trace_points) trace_event("stops", c, stopped_at(c));
    bool spins = false;
    switch (sim.reason) {
    case STOP_SPIN:
        spins = true;
        c->hold = 0;
        break;
    case STOP_SLEEP:
        c->hold = 0;
        // cli; look at wake; sti; hlt. A pending interrupt ends the hlt.
        if (*(volatile uint32_t *)&c->p->wake == 0 && !(sim.choosing && choose(CHOOSE_SPURIOUS, 2))) c->state = CORE_IDLE;
        break;
    case STOP_IRQ_END:
        c->sp = c->interrupted;
        c->interrupted = 0;
        break;
    case STOP_POINT:
        if (!sim.choosing || !sleeper_missed_work()) break;
        sim.failure = "a core sleeps while goroutines wait that it could run";
        return sim.reason = STOP_FAIL;
    default:
        return sim.reason;
    }
    if (++sim.streak >= STREAK_MAX) spins = true;
    *next = decide(c, spins);
    return sim.reason;
}

bool sim_boot(void (*fn)(int cpu)) {
    SimCore *c = &sim.core[0], *next = c;
    sim_start_core(c, fn);
    while (next) {
        c = next;
        StopReason r = step(c, &next);
        if (r == STOP_EXIT || r == STOP_FAIL || sim.points > 10 * sim_points_max) return false;
        if (r != STOP_BEGIN) continue;
        // The others go to sleep while the one that called waits, so that all runs begin in the same quiet state.
        SimCore *caller = c;
        caller->state = CORE_OFF;
        for (next = decide(c, false); next;)
            if (sim.points > 10 * sim_points_max || step(next, &next) > STOP_IRQ_END) return false;
        caller->state = CORE_READY;
        for (int i = 0; i < sim.cores; i++)
            if (sim.core[i].state == CORE_LATE) {
                sim.core[i].state = CORE_READY;
                sim.streak = 0; // or it would be their turn at once
            }
        sim.running = caller;
        return true;
    }
    return false;
}

const char *sim_run(void) {
    SimCore *next = sim.running;
    sim.choosing = true;
    while (sim.points < (fair() ? 20 : 1) * sim_points_max) {
        const SimCore *before = next;
        StopReason r = step(next, &next);
        if (r == STOP_FAIL) return sim.failure;
        if (r == STOP_EXIT) return sim.exit_code == 0 ? NULL : "the program ended with a status other than 0";
        if (!next) return "hang: every core sleeps, no interrupt is pending and no timer armed";
        if (next != before && choice_seen(next)) return NULL;
    }
    return "too many points: livelock, or a limit that is too low";
}
