// time.c -- clocks, sleeping and timers by the names of package time.
//
// A time.Timer holds a runtimeTimer, whose layout is that of rt's Timer (timer.h): it is armed as it is. When it fires, its Go function is called by a
// new goroutine: the scheduler, on its system stack, cannot run Go code. sendTime and goFunc, the only functions that package time gives, do not block.
//
// A ticker whose channel is full gets none: sendTime would drop the tick. So a ticker that nobody reads any more costs its interrupts, and a core that is
// too slow for it does not fill memory with goroutines that have nothing to send.
#include "go.h"
#include "../sched.h"
#include "../chan.h"
#include "../timer.h"

typedef struct Timer Timer;

typedef struct { int64_t sec; int32_t nsec; int64_t mono; } Now;

typedef struct Wall { int64_t wall, mono; } Wall;
static void read_wall(void *arg) {
    Wall *w = arg;
    w->wall = plat_wall_ns();
    w->mono = plat_now_ns();
}

Now go_now(void) GO("time.now");
Now go_now(void) {
    Wall w;
    sys_call(read_wall, &w);
    RT_DOOR();
    return (Now){w.wall / 1000000000, (int32_t)(w.wall % 1000000000), w.mono};
}
int64_t go_nanotime(void) GO("runtime.nanotime");
int64_t go_nanotime(void) {
    int64_t now = plat_now_ns();
    RT_DOOR();
    return now;
}

// ---- timers

void go_timer_entry(void *f); // land.asm

// As g_birth leaves it: r15 r14 r13 r12 rbx rbp, return address.
typedef struct Saved { uintptr_t r15, r14, r13; } Saved;

static bool dropped(const Timer *copy) {
    const Type *t = copy->arg;
    if (copy->period <= 0 || !t || (t->kind & KIND_MASK) != KIND_CHAN) return false;
    const Chan *c = copy->arg2;
    return c && hint_load(&c->qcount) == c->dataqsiz;
}

static void fire(const Timer *copy, int64_t now) {
    if (dropped(copy)) return;
    G *g = g_new(go_timer_entry, copy->f, (uintptr_t)go_timer_entry);
    if (!g) rt_fatal("out of memory (cannot create a goroutine)");
    Saved *s = (Saved *)g->sp; // on its stack, where the collector sees it
    s->r13 = (uintptr_t)copy->arg;
    s->r14 = (uintptr_t)copy->arg2;
    s->r15 = copy->seq;
    g_ready_tail(g);
}

static void arm(Timer *t, int64_t when, int64_t period) {
    if (when < 0) when = TIME_NEVER - 1;
    if (timer_arm(t, when, period) == ARM_NO_MEMORY) go_throw("out of memory (cannot arm a timer)");
}

void go_start_timer(Timer *t) GO("time.startTimer");
void go_start_timer(Timer *t) {
    t->fire = fire;
    arm(t, t->when, t->period);
    RT_DOOR();
}
bool go_stop_timer(Timer *t) GO("time.stopTimer");
bool go_stop_timer(Timer *t) {
    bool armed = timer_disarm(t);
    RT_DOOR();
    return armed;
}
bool go_reset_timer(Timer *t, int64_t when) GO("time.resetTimer");
bool go_reset_timer(Timer *t, int64_t when) {
    bool armed = timer_disarm(t);
    t->fire = fire;
    arm(t, when, t->period);
    RT_DOOR();
    return armed;
}
void go_mod_timer(Timer *t, int64_t when, int64_t period, void *f, Any arg, uintptr_t seq) GO("time.modTimer");
void go_mod_timer(Timer *t, int64_t when, int64_t period, void *f, Any arg, uintptr_t seq) {
    timer_disarm(t);
    gc_shade(t->f);
    gc_shade(t->arg2);
    t->f = f;
    t->arg = (void *)arg.type;
    t->arg2 = arg.data;
    t->seq = seq;
    t->fire = fire;
    arm(t, when, period);
    RT_DOOR();
}
