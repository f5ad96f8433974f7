// late.c -- cores beyond GOMAXPROCS come up whenever it happens, also while the world is stopped without them: they take no memory before they have looked whether they are
// wanted, and miss nothing when they are, which may also be decided just then.
#include "gc_case.h"

const char *const sim_knobs = "GOMAXPROCS=1 GODEBUG=gcforce=0";

static chan(int) done;
static void run(void *unused) { chan_send(done, core_id()); }

int main(void) {
    done = chan_make(int, 0);
    gc_begin(0);
    gc_collect();
    int n = cpu_count();
    gomaxprocs(n);
    gc_start();
    for (int i = 0; i < n; i++)
        go(run, NULL);
    for (int i = 0; i < n; i++)
        CHECK(chan_recv(done) < n);
    gc_wait();
    return 0;
}
