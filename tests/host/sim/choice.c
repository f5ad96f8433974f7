// choice.c -- where the simulator's choices come from: a seed, a systematic search, or a schedule to repeat.
//
// Seeds: each run draws its habits first (how often cores change, how long interrupts are held, how fast time goes), because fine
// interleavings find other bugs than coarse ones; then each choice.
//
// Search: depth first over all runs that differ from the default in at most `bound` choices, in the manner of CHESS: bugs that need many
// preemptions are rare. Only choices with an alternative are recorded, in order; those different from 0 are the schedule
// "17:1,240:1", which repeats the run. A run that is repeated must meet the same choices: anything else is a bug of the simulator.
#include "sim.h"
#include "case.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLD_POINTS 100 // how long a search delays an interrupt, unless the core sleeps or spins before

static enum { RANDOM, SEARCH, REPLAY } mode;

// ---- random
static uint64_t state;
static struct {
    unsigned core, time, spurious; // one in so many
    unsigned hold;                 // points, less than
    int64_t step;
} habit;

uint64_t choice_random(void) { // splitmix64
    uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}
static bool one_in(unsigned n) { return n && choice_random() % n == 0; }

void choice_seed(uint64_t seed) {
    static const unsigned often[] = {2, 4, 16, 64, 256}, holds[] = {1, 1, 8, 300}, times[] = {0, 0, 1000, 100};
    static const int64_t steps[] = {20, 20, 200, 2000};
    mode = RANDOM;
    state = seed;
    habit.core = often[choice_random() % 5];
    habit.hold = holds[choice_random() % 4];
    habit.time = times[choice_random() % 4];
    habit.spurious = one_in(2) ? 8 : 0;
    habit.step = steps[choice_random() % 4];
}

static int choose_randomly(ChoiceKind kind, int n) {
    switch (kind) {
    case CHOOSE_CORE:
        return one_in(habit.core) ? 1 + (int)(choice_random() % (unsigned)(n - 1)) : 0;
    case CHOOSE_SPINNER:
        return (int)(choice_random() % (unsigned)n);
    case CHOOSE_HOLD:
        break; // choose_hold
    case CHOOSE_TIME:
        return one_in(habit.time);
    case CHOOSE_WAKE:
        return one_in(2);
    case CHOOSE_SPURIOUS:
        return one_in(habit.spurious);
    }
    return 0;
}

int64_t choose_step(void) { return mode == RANDOM ? 1 + (int64_t)(choice_random() % (uint64_t)habit.step) : 50; }

unsigned choose_hold(void) {
    if (mode == RANDOM) return (unsigned)(choice_random() % habit.hold);
    return choose(CHOOSE_HOLD, 2) ? HOLD_POINTS : 0;
}

// ---- search and replay: the run's record
#define RECORD_MAX (1u << 20)
typedef struct Choice {
    uint8_t options, taken;
} Choice;
static Choice record[RECORD_MAX];
static unsigned length; // of the record: in a search, the prefix that the next run repeats
static unsigned at;     // choices made by this run
static unsigned limit, deviations;
static unsigned repeated; // so many choices of this run are those of the run before, but for the last
static const char *script; // replay: what remains of the schedule

void choice_search(unsigned bound) {
    mode = SEARCH;
    limit = bound;
    length = deviations = 0;
}

bool choice_next(void) {
    for (; length > 0; length--) {
        Choice *c = &record[length - 1];
        if (c->taken + 1 < c->options && (c->taken || deviations < limit)) {
            if (c->taken++ == 0) deviations++;
            return true;
        }
        if (c->taken) deviations--;
    }
    return false;
}

static const char *schedule;
void choice_restart(void) {
    at = 0;
    repeated = length;
    script = schedule;
    if (mode == REPLAY) length = 0;
}

// ---- states that were met
// Most schedules are equivalent: they differ in the order of operations that do not concern each other, and meet in the same state.
// There it suffices to go on from the first, unless that had fewer deviations left. Depth first, so when a run leaves another's path, all
// runs below that path's later states have been made. Looked at when cores change, where the paths of a core that was interrupted
// here or a little later meet.
#define SEEN_SLOTS (1u << 22)
static struct Seen {
    uint64_t hash;
    uint32_t left; // deviations, and one more: 0 is an empty slot
} *seen;
static uint32_t seen_n;
bool search_all; // --all: without this

bool choice_seen(const SimCore *next) {
    if (mode != SEARCH || search_all || at < repeated || deviations == limit) return false;
    if (!seen) seen = calloc(SEEN_SLOTS, sizeof *seen);
    if (!seen) return false;
    uint32_t left = limit - deviations + 1;
    uint64_t hash = world_hash(next);
    for (uint32_t i = (uint32_t)hash;; i++) {
        struct Seen *s = &seen[i % SEEN_SLOTS];
        if (s->left && s->hash != hash) continue;
        if (s->left >= left) return true;
        if (s->left == 0 && seen_n++ > SEEN_SLOTS / 4 * 3) return false; // full: no more are remembered
        *s = (struct Seen){hash, left};
        return false;
    }
}

static int scripted(void) {
    unsigned position;
    int taken, used;
    if (!script || sscanf(script, "%u:%d%n", &position, &taken, &used) < 2 || position != at) return 0;
    script += used;
    script += *script == ',';
    return taken;
}

int choose(ChoiceKind kind, int n) {
    if (mode == RANDOM) return choose_randomly(kind, n);
    // Searched are only interleavings, and time where the case asks for it: the rest would multiply the schedules for little.
    if (kind == CHOOSE_WAKE || kind == CHOOSE_SPURIOUS || (kind == CHOOSE_TIME && !(sim.flags & SIM_TIME))) return 0;
    if (at == RECORD_MAX) {
        fprintf(stderr, "sim: more than %u choices in one run\n", RECORD_MAX);
        exit(2);
    }
    if (at == length) record[length++] = (Choice){(uint8_t)n, (uint8_t)(mode == REPLAY ? scripted() : 0)};
    Choice c = record[at++];
    if (c.options == n && c.taken < n) return c.taken;
    fprintf(stderr, "sim: choice %u had %d options and has %d now: the run cannot be repeated\n", at - 1, c.options, n);
    exit(2);
}

bool choice_replay(const char *text) {
    unsigned position, last = 0;
    int taken, used;
    mode = REPLAY;
    schedule = text;
    for (const char *s = text; *s; s += used, s += *s == ',') {
        if (sscanf(s, "%u:%d%n", &position, &taken, &used) < 2 || (s != text && position <= last)) return false;
        last = position;
    }
    return true;
}

void choice_print_schedule(void) {
    const char *comma = "";
    for (unsigned i = 0; i < at; i++) {
        if (!record[i].taken) continue;
        printf("%s%u:%d", comma, i, record[i].taken);
        comma = ",";
    }
}
