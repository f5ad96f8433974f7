// gcutil.c -- see gcutil.h.
#include "gcutil.h"

const int64_t util_windows[UTIL_WINDOWS] = {1000000, 10000000, 100000000};

static UtilStep *step(const Util *u, uint64_t i) { return &u->step[i & (u->room - 1)]; }
static UtilStep *last(const Util *u) { return step(u, u->n - 1); }

void util_init(Util *u, UtilStep *room, uint32_t n, int64_t start) {
    *u = (Util){.step = room, .room = n, .n = 1, .start = start, .grain = util_windows[UTIL_WINDOWS - 1] / (n / 2) + 1};
    room[0] = (UtilStep){.at = start};
    for (int i = 0; i < UTIL_WINDOWS; i++)
        u->most[i] = -1;
}

// ---- cursors

static uint64_t until(const UtilStep *s, int64_t t) { return s->before + (uint64_t)s->level * (uint64_t)(t - s->at); }

static void window(Util *u, int w, uint64_t taken) {
    if ((int64_t)taken > u->most[w]) u->most[w] = (int64_t)taken;
}

// The last step that is not behind t, one step on. True: c->other is it.
static bool found(const Util *u, UtilCursor *c, int64_t t) {
    if (c->other + 1 == u->n || step(u, c->other + 1)->at > t) return true;
    c->other++;
    return false;
}

// Both: one step. False: there is nothing to do.
static bool step_ending(Util *u, int w) {
    UtilCursor *c = &u->ending[w];
    if (c->next == u->n) return false;
    const UtilStep *s = step(u, c->next);
    int64_t t = s->at - util_windows[w];
    if (t < u->start) {
        c->next++;
    } else if (found(u, c, t)) {
        window(u, w, s->before - until(step(u, c->other), t));
        c->next++;
    }
    return true;
}

static bool step_beginning(Util *u, int w) {
    UtilCursor *c = &u->beginning[w];
    if (c->next == u->n) return false;
    const UtilStep *s = step(u, c->next);
    int64_t t = s->at + util_windows[w];
    if (t > last(u)->at) return false; // its end is not known yet
    if (found(u, c, t)) {
        window(u, w, until(step(u, c->other), t) - s->before);
        c->next++;
    }
    return true;
}

// Each cursor so many steps, or as many as it can. How many all of them went.
static uint32_t move_on(Util *u, uint32_t steps) {
    uint32_t worked = 0;
    for (int w = 0; w < UTIL_WINDOWS; w++) {
        for (uint32_t i = 0; i < steps && step_ending(u, w); i++)
            worked++;
        for (uint32_t i = 0; i < steps && step_beginning(u, w); i++)
            worked++;
    }
    return worked;
}

// ---- changes

// The last step is at `at`, or less than a grain before it.
static void reach(Util *u, int64_t at) {
    const UtilStep *s = last(u);
    int64_t ns = at - s->at;
    if (ns < u->grain) return;
    uint64_t taken = (uint64_t)s->level * (uint64_t)ns, rest = u->rest + taken % UTIL_ONE;
    u->taken += taken / UTIL_ONE + rest / UTIL_ONE;
    u->rest = rest % UTIL_ONE;
    *step(u, u->n) = (UtilStep){.at = at, .before = s->before + taken, .level = s->level};
    u->n++;
}

void util_change(Util *u, int64_t at, int32_t change) {
    reach(u, at);
    u->sum += change;
    last(u)->level = u->sum > UTIL_ONE ? UTIL_ONE : u->sum;
    u->worked = move_on(u, UTIL_WORK);
}

void util_settle(Util *u, int64_t now) {
    reach(u, now);
    while (move_on(u, u->room) > 0) {}
}

// ---- results

static int64_t left(uint64_t taken_ns, int64_t ns) {
    int64_t part = (int64_t)(taken_ns * 1000 / (uint64_t)(ns / 1000)); // of a million
    return part > 1000000 ? 0 : 1000000 - part;
}

int64_t util_minimum(const Util *u, int window) { return u->most[window] < 0 ? -1 : left((uint64_t)u->most[window] / UTIL_ONE, util_windows[window]); }

int64_t util_mean(const Util *u) {
    int64_t ns = last(u)->at - u->start;
    return ns < 1000 ? -1 : left(u->taken, ns);
}
