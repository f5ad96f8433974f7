// units: rt/chan.c rt/select.c tests/unit/chan_model.c tests/unit/actors.c tests/unit/stub_plat.c
// test_chan.c -- channels against a plain model of Go's: actors send, receive, try and close at random; every result, the order of waiting,
// who is woken, and the channels' insides are compared after each operation.
#include "chan_model.h"

static void test_send_recv(void) { model_run(60000, (ChanMix){.send = 10, .recv = 10, .try_send = 2, .try_recv = 2, .close = 0}); }
static void test_close(void) { model_run(60000, (ChanMix){.send = 10, .recv = 10, .try_send = 5, .try_recv = 5, .close = 2}); }
static void test_try(void) { model_run(30000, (ChanMix){.send = 1, .recv = 1, .try_send = 10, .try_recv = 10, .close = 1}); }

int main(void) {
    model_init();
    RUN(test_send_recv);
    RUN(test_close);
    RUN(test_try);
    // All that the model knows was met.
    CHECK(model_counts.blocked > 5000 && model_counts.handed_over > 5000 && model_counts.buffered > 3000);
    CHECK(model_counts.closed_waiters > 500 && model_counts.panics > 1000);
    printf("blocked %lu, handed over %lu, buffered %lu, woken by close %lu, panics %lu\n", model_counts.blocked, model_counts.handed_over,
           model_counts.buffered, model_counts.closed_waiters, model_counts.panics);
    return test_done();
}
