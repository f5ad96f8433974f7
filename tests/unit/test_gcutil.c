// units: rt/gcutil.c
// test_gcutil.c -- mutator utilisation against cases reckoned by hand, and against a model that adds up the machine's time slot by slot.
#include "test.h"
#include "rt/gcutil.h"

#define MS 1000000ll
enum { ROOM = 4000 };
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
    util_take(&u, 30 * MS, 30 * MS + 500000, UTIL_ONE); // half of a window of 1 ms
    util_take(&u, 40 * MS, 44 * MS, UTIL_ONE / 4);      // one of four cores
    util_take(&u, 43 * MS, 44 * MS, UTIL_ONE / 2);      // two more: a quarter is left
    util_settle(&u, 100 * MS);
    CHECK_EQ(util_minimum(&u, 0), 250000);
    CHECK_EQ(util_minimum(&u, 1), 850000); // 1.5 ms of 10
    CHECK_EQ(util_minimum(&u, 2), 980000); // 2 ms of 100
    CHECK_EQ(util_mean(&u), 980000);
    // A window that reaches over the place where things were settled.
    util_take(&u, 101 * MS, 109 * MS, UTIL_ONE);
    util_settle(&u, 200 * MS);
    CHECK_EQ(util_minimum(&u, 0), 0);
    CHECK_EQ(util_minimum(&u, 1), 200000);
    CHECK_EQ(util_minimum(&u, 2), 900000); // from 30 ms or before 43 ms on
    CHECK_EQ(util_mean(&u), 950000);
}

static void together_too_much(void) { // a stop, in which a core has not yet noted its turn
    Util u;
    util_init(&u, room, ROOM, 0);
    util_take(&u, MS, 2 * MS, UTIL_ONE);
    util_take(&u, MS, 2 * MS, UTIL_ONE / 4);
    util_settle(&u, 4 * MS);
    CHECK_EQ(util_minimum(&u, 0), 0);
    CHECK_EQ(util_mean(&u), 750000);
}

static void no_room(void) {
    Util u;
    util_init(&u, room, 4, 0);
    for (int i = 0; i < 5; i++)
        util_take(&u, i * MS, i * MS + 1000, 1000);
    CHECK_EQ(u.dropped, 3);
    util_settle(&u, 20 * MS);
    CHECK_EQ(u.n, 4); // of the last 100 ms
    util_settle(&u, 200 * MS);
    CHECK_EQ(u.n, 0);
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
    const char *given = getenv("SEED");
    uint32_t first = given ? (uint32_t)atoi(given) : 1;
    for (uint32_t seed = first; seed < first + (given ? 1 : 300); seed++) {
        seed_state = seed;
        for (int i = 0; i < SLOTS; i++)
            slot[i] = 0;
        Util u;
        int64_t start = random_below(1000);
        util_init(&u, room, ROOM, start);
        int64_t now = 0, taken = 0; // slots
        while (now < SLOTS) {
            int64_t end = now + 1 + random_below(seed % 2 ? 3000 : 300);
            if (end > SLOTS) end = SLOTS;
            for (uint32_t n = random_below(60); n > 0; n--) {
                int64_t a = now + random_below((uint32_t)(end - now)), b = a + 1 + random_below(seed % 3 ? 20 : 400);
                int32_t share = random_below(4) ? UTIL_ONE / CORES : UTIL_ONE;
                if (b > end) b = end;
                util_take(&u, start + a * SLOT, start + b * SLOT, share);
                for (int64_t i = a; i < b; i++)
                    slot[i] += share;
            }
            now = end;
            util_settle(&u, start + now * SLOT);
        }
        for (int w = 0; w < UTIL_WINDOWS; w++)
            CHECK_EQ(u.most[w], model_most(util_windows[w], SLOTS));
        for (int i = 0; i < SLOTS; i++)
            taken += slot[i] < UTIL_ONE ? slot[i] : UTIL_ONE;
        CHECK_EQ(u.taken, taken * SLOT);
        CHECK_EQ(u.dropped, 0);
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
    RUN(no_room);
    RUN(like_the_model);
    return test_done();
}
