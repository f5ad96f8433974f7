// units: rt/chan.c rt/select.c tests/unit/chan_model.c tests/unit/actors.c tests/unit/stub_plat.c
// test_select.c -- select against the model of chan_model.h: only a case that can proceed is chosen, default only if there is none; who
// waits on several channels is woken once, by the first that can, whose case alone takes effect, and loses no wake-up that others need.
// And fairness: each ready case is chosen equally often, wherever it stands and however many are not ready.
#include "chan_model.h"

static void test_among_others(void) { model_run(60000, (ChanMix){.send = 5, .recv = 5, .try_send = 1, .try_recv = 1, .select = 10, .close = 0}); }
static void test_selects_only(void) { model_run(60000, (ChanMix){.select = 10, .close = 0}); }
static void test_close(void) { model_run(60000, (ChanMix){.send = 5, .recv = 5, .try_send = 1, .try_recv = 1, .select = 10, .close = 1}); }

// ---- fairness

enum { FAIR_CASES = 6, FAIR_ROUNDS = 6000 };
static int64_t value = 7, place;

// For every set of ready cases, the others not ready.
static void test_fair(void) {
    static const Type type = {.size = 8, .align = 8, .field_align = 8, .kind = KIND_INT64};
    Chan *full[FAIR_CASES], *idle = chan_make_of(&type, 0);
    static G g; // nothing parks here
    p_self()->g = &g;
    for (int i = 0; i < FAIR_CASES; i++) {
        full[i] = chan_make_of(&type, 1);
        CHECK(chan_try_send_from(full[i], &value));
    }
    for (unsigned set = 1; set < 1u << FAIR_CASES; set++) {
        unsigned count[FAIR_CASES] = {0}, ready = (unsigned)__builtin_popcount(set);
        for (int round = 0; round < FAIR_ROUNDS; round++) {
            SelectCase cs[FAIR_CASES];
            Waiter room[FAIR_CASES];
            for (unsigned i = 0; i < FAIR_CASES; i++)
                cs[i] = (SelectCase){.c = set >> i & 1 ? full[i] : idle, .elem = &place, .kind = SELECT_RECV};
            int chosen = chan_select_of(cs, room, FAIR_CASES);
            CHECK(chosen >= 0 && chosen < FAIR_CASES && (set >> chosen & 1));
            count[chosen]++;
            CHECK(chan_try_send_from(full[chosen], &value));
        }
        // Chi-square with at most 5 degrees of freedom: beyond 60 once in 10^11.
        double want = (double)FAIR_ROUNDS / ready, chi = 0;
        for (unsigned i = 0; i < FAIR_CASES; i++)
            if (set >> i & 1) chi += (count[i] - want) * (count[i] - want) / want;
        CHECK(chi < 60);
    }
    p_self()->g = NULL;
}

int main(void) {
    model_init();
    RUN(test_among_others);
    RUN(test_selects_only);
    RUN(test_close);
    // All that the model knows was met.
    CHECK(model_counts.selects_blocked > 3000 && model_counts.selects_default > 1500 && model_counts.stale > 1000);
    CHECK(model_counts.handed_over > 3000 && model_counts.closed_waiters > 300 && model_counts.panics > 500);
    printf("selects that blocked %lu, took default %lu; handed over %lu, woken by close %lu, panics %lu, stale waiters met %lu\n",
           model_counts.selects_blocked, model_counts.selects_default, model_counts.handed_over, model_counts.closed_waiters,
           model_counts.panics, model_counts.stale);
    RUN(test_fair);
    return test_done();
}
