// gcutil.c -- see gcutil.h.
#include "gcutil.h"

const int64_t util_windows[UTIL_WINDOWS] = {1000000, 10000000, 100000000};

void util_init(Util *u, UtilStep *room, uint32_t n, int64_t start) {
    *u = (Util){.step = room, .room = n, .from = start, .settled = start, .start = start};
    for (int i = 0; i < UTIL_WINDOWS; i++)
        u->most[i] = -1;
}

void util_take(Util *u, int64_t from, int64_t to, int32_t share) {
    if (from < u->settled) from = u->settled;
    if (to <= from || share <= 0) return;
    if (u->room - u->n < 2) {
        u->dropped++;
        return;
    }
    u->step[u->n++] = (UtilStep){.at = from, .change = share};
    u->step[u->n++] = (UtilStep){.at = to, .change = -share};
}

// ---- sorting, in place: heapsort

static void sift(UtilStep *s, uint32_t root, uint32_t n) {
    UtilStep moved = s[root];
    for (uint32_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && s[child + 1].at > s[child].at) child++;
        if (s[child].at <= moved.at) break;
        s[root] = s[child];
    }
    s[root] = moved;
}

static void sort(UtilStep *s, uint32_t n) {
    for (uint32_t i = n / 2; i-- > 0;)
        sift(s, i, n);
    for (uint32_t i = n; i-- > 1;) {
        UtilStep last = s[i];
        s[i] = s[0];
        s[0] = last;
        sift(s, 0, i);
    }
}

// ---- integral

static void integrate(Util *u) {
    int64_t sum = 0, taken = 0;
    for (uint32_t i = 0; i < u->n; i++) {
        UtilStep *s = &u->step[i];
        if (i > 0) taken += s[-1].level * (s->at - s[-1].at);
        sum += s->change;
        s->before = taken;
        s->level = sum > UTIL_ONE ? UTIL_ONE : (int32_t)sum;
    }
}

// Until t. *at: the number of steps before t, from the last call with an earlier t.
static int64_t taken_until(const Util *u, uint32_t *at, int64_t t) {
    while (*at < u->n && u->step[*at].at <= t)
        ++*at;
    if (*at == 0) return 0;
    const UtilStep *s = &u->step[*at - 1];
    return s->before + s->level * (t - s->at);
}

static int64_t between(int64_t v, int64_t lo, int64_t hi) { return v < lo ? lo : v > hi ? hi : v; }

// The most that was taken in a window of length w, both ends in [from, now].
static int64_t most_taken(const Util *u, int64_t now, int64_t w) {
    int64_t most = -1, first = u->from, last = now - w;
    if (last < first) return -1;
    for (int back = 0; back < 2; back++) { // its beginning meets a step; its end does
        uint32_t lo = 0, hi = 0;
        for (uint32_t i = 0; i < u->n + 2; i++) {
            int64_t t = i == 0 ? first : i > u->n ? last : between(u->step[i - 1].at - (back ? w : 0), first, last);
            int64_t taken = taken_until(u, &hi, t + w) - taken_until(u, &lo, t);
            if (taken > most) most = taken;
        }
    }
    return most;
}

// Only the last window before now is still of use.
static void forget(Util *u, int64_t now) {
    int64_t cut = now - util_windows[UTIL_WINDOWS - 1];
    if (cut <= u->from) return;
    uint32_t gone = 0;
    taken_until(u, &gone, cut);
    u->from = cut;
    if (gone == 0) return;
    int32_t level = u->step[gone - 1].level;
    uint32_t n = 0;
    if (level) u->step[n++] = (UtilStep){.at = cut, .change = level};
    for (uint32_t i = gone; i < u->n; i++) { // n <= i: gone >= 1
        UtilStep s = u->step[i];
        if (s.level != level) u->step[n++] = (UtilStep){.at = s.at, .change = s.level - level};
        level = s.level;
    }
    u->n = n;
}

void util_settle(Util *u, int64_t now) {
    sort(u->step, u->n);
    integrate(u);
    for (int i = 0; i < UTIL_WINDOWS; i++) {
        int64_t taken = most_taken(u, now, util_windows[i]);
        if (taken > u->most[i]) u->most[i] = taken;
    }
    uint32_t old = 0, all = 0;
    int64_t before = taken_until(u, &old, u->settled);
    u->taken += taken_until(u, &all, now) - before;
    u->settled = now;
    forget(u, now);
}

// ---- results

static int64_t left(int64_t taken, int64_t ns) {
    int64_t part = taken / (ns / 1000) * 1000 / UTIL_ONE; // of a million
    return part > 1000000 ? 0 : 1000000 - part;
}

int64_t util_minimum(const Util *u, int window) { return u->most[window] < 0 ? -1 : left(u->most[window], util_windows[window]); }

int64_t util_mean(const Util *u) {
    int64_t ns = u->settled - u->start;
    return ns < 1000 ? -1 : left(u->taken, ns);
}
