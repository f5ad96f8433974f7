// units: rt/gcutil.c
// test_gcutil.c -- mutator utilisation against cases reckoned by hand, and against a model that adds up the machine's time slot by slot.
#include "test.h"
#include "rt/gcutil.h"

#define MS 1000000ll
enum { ROOM = 4096 };
static UtilStep room[ROOM];

static void nothing(void) {
    Util u;
    util_init(&u, room, ROOM, 5 * MS);
    CHECK_EQ(util_minimum(&u, 0), -1);
    CHECK_EQ(util_mean(&u), -1);
    util_settle(&u, 10 * MS); // 5 ms: no window of 10 ms
    CHECK_EQ(util_minimum(&u, 0), 1000000);
    CHECK_EQ(util_minimum(&u, 1), -1);
    CHECK_EQ(util_mean(&u), 1000000);
}

static void by_hand(void) {
    Util u;
    util_init(&u, room, ROOM, 0);
    util_change(&u, 30 * MS, UTIL_ONE); // half of a window of 1 ms
    util_change(&u, 30 * MS + 500000, -UTIL_ONE);
    util_change(&u, 40 * MS, UTIL_ONE / 4); // one of four cores
    util_change(&u, 43 * MS, UTIL_ONE / 2); // two more: a quarter is left
    util_change(&u, 44 * MS, -UTIL_ONE / 4);
    util_change(&u, 44 * MS, -UTIL_ONE / 2);
    util_settle(&u, 100 * MS);
    CHECK_EQ(util_minimum(&u, 0), 250000);
    CHECK_EQ(util_minimum(&u, 1), 850000); // 1.5 ms of 10
    CHECK_EQ(util_minimum(&u, 2), 980000); // 2 ms of 100
    CHECK_EQ(util_mean(&u), 980000);
    util_change(&u, 101 * MS, UTIL_ONE);
    util_change(&u, 109 * MS, -UTIL_ONE);
    util_settle(&u, 200 * MS);
    CHECK_EQ(util_minimum(&u, 0), 0);
    CHECK_EQ(util_minimum(&u, 1), 200000);
    CHECK_EQ(util_minimum(&u, 2), 900000); // from 30 ms or before 43 ms on
    CHECK_EQ(util_mean(&u), 950000);
}

static void together_too_much(void) { // a stop, in which a core has not yet given its turn back
    Util u;
    util_init(&u, room, ROOM, 0);
    util_change(&u, MS, UTIL_ONE);
    util_change(&u, MS, UTIL_ONE / 4);
    util_change(&u, 2 * MS, -UTIL_ONE);
    util_change(&u, 2 * MS, -UTIL_ONE / 4);
    util_settle(&u, 4 * MS);
    CHECK_EQ(util_minimum(&u, 0), 0);
    CHECK_EQ(util_mean(&u), 750000);
}

static void not_over_yet(void) {
    Util u;
    util_init(&u, room, ROOM, 0);
    util_change(&u, 6 * MS, UTIL_ONE / 2);
    util_settle(&u, 10 * MS);
    CHECK_EQ(util_minimum(&u, 0), 500000);
    CHECK_EQ(util_minimum(&u, 1), 800000);
    CHECK_EQ(util_mean(&u), 800000);
    util_change(&u, 9 * MS, -UTIL_ONE / 2); // by a clock that was behind: as if at 10
    util_settle(&u, 20 * MS);
    CHECK_EQ(util_mean(&u), 900000);
}

// Changes that come as fast as can be told apart, and faster; rests after which much can be looked at at once: no change costs more than its share, and none is lost.
static void bounded(void) {
    Util u;
    util_init(&u, room, ROOM, 0);
    int64_t at = 0, taken = 0;
    uint32_t most = 0, rests = 0;
    for (int i = 0; i < 200000; i++) {
        bool on = i % 2 == 0;
        int64_t ns = i % 20011 == 20010 ? 130 * MS : u.grain + i % 3 * 1000;
        if (!on) taken += ns;
        rests += ns > 100 * MS;
        at += ns;
        util_change(&u, at, on ? UTIL_ONE : -UTIL_ONE);
        if (u.worked > most) most = u.worked;
    }
    CHECK(rests == 9);
    CHECK(most <= 2 * UTIL_WINDOWS * UTIL_WORK);
    CHECK(most > UTIL_WORK); // there was something to make up for
    util_settle(&u, at);
    CHECK_EQ(util_mean(&u), 1000000 - taken * 1000 / (at / 1000));
    CHECK_EQ(util_minimum(&u, 0), 0); // some rests are taken
    for (int i = 0; i < 100000; i++) {
        at += u.grain / 7;
        util_change(&u, at, i % 2 ? -UTIL_ONE : UTIL_ONE);
        CHECK(u.worked <= 2 * UTIL_WINDOWS * UTIL_WORK);
    }
}

// More often in the longest window than there is room for.
static void too_often_settled(void) {
    Util u;
    util_init(&u, room, ROOM, 0);
    util_change(&u, MS, UTIL_ONE);
    util_change(&u, 2 * MS, -UTIL_ONE);
    for (int i = 0; i < 3 * ROOM; i++)
        util_settle(&u, 2 * MS + i);
    util_change(&u, 50 * MS, UTIL_ONE);
    util_change(&u, 51 * MS, -UTIL_ONE);
    util_settle(&u, 150 * MS);
    CHECK_EQ(util_minimum(&u, 0), 0);
    CHECK_EQ(util_minimum(&u, 1), 900000);
    CHECK_EQ(util_minimum(&u, 2), 980000);
}

// Time in slots of 100 us: all begins and ends are at their borders, so the worst window begins at one.
#define SLOT   100000ll
#define SLOTS  6000
#define CORES  5
static int64_t slot[SLOTS];

static uint32_t seed_state;
static uint32_t random_below(uint32_t n) {
    seed_state = seed_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(seed_state >> 8) * n >> 24);
}

static int64_t model_most(int64_t w, int64_t until) {
    int64_t slots = w / SLOT, most = -1, sum = 0;
    for (int64_t i = 0; i < until; i++) {
        sum += slot[i] < UTIL_ONE ? slot[i] : UTIL_ONE;
        if (i >= slots) sum -= slot[i - slots] < UTIL_ONE ? slot[i - slots] : UTIL_ONE;
        if (i >= slots - 1 && sum > most) most = sum;
    }
    return most < 0 ? -1 : most * SLOT;
}

static void like_the_model(void) {
    static int32_t change[SLOTS + 1][2]; // at the slot's beginning
    const char *given = getenv("SEED");
    uint32_t first = given ? (uint32_t)atoi(given) : 1;
    for (uint32_t seed = first; seed < first + (given ? 1 : 300); seed++) {
        seed_state = seed;
        memset(slot, 0, sizeof slot);
        memset(change, 0, sizeof change);
        Util u;
        int64_t start = random_below(1000), taken = 0;
        util_init(&u, room, ROOM, start);
        for (uint32_t n = random_below(seed % 2 ? 200 : 2000); n > 0; n--) {
            int64_t a = random_below(SLOTS), b = a + 1 + random_below(seed % 3 ? 20 : 400);
            int32_t share = random_below(4) ? UTIL_ONE / CORES : UTIL_ONE;
            if (b > SLOTS) b = SLOTS;
            change[a][0] += share;
            change[b][1] -= share;
            for (int64_t i = a; i < b; i++)
                slot[i] += share;
        }
        for (int64_t now = 0; now <= SLOTS; now++) {
            int back = (int)random_below(2); // which comes first
            for (int k = 0; k < 2; k++)
                if (change[now][k ^ back]) util_change(&u, start + now * SLOT, change[now][k ^ back]);
            if (random_below(seed % 5 ? 3000 : 30) == 0) util_settle(&u, start + now * SLOT);
        }
        util_settle(&u, start + SLOTS * SLOT);
        for (int w = 0; w < UTIL_WINDOWS; w++)
            CHECK_EQ(u.most[w], model_most(util_windows[w], SLOTS));
        for (int i = 0; i < SLOTS; i++)
            taken += slot[i] < UTIL_ONE ? slot[i] : UTIL_ONE;
        CHECK_EQ(u.taken, taken * SLOT / UTIL_ONE);
        if (test_failures) {
            fprintf(stderr, "SEED=%u\n", seed);
            return;
        }
    }
}

int main(void) {
    RUN(nothing);
    RUN(by_hand);
    RUN(together_too_much);
    RUN(not_over_yet);
    RUN(bounded);
    RUN(too_often_settled);
    RUN(like_the_model);
    return test_done();
}
