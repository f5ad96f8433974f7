// t_gc_force.c -- a machine that sleeps and allocates nothing collects now and then all the same (Go: every two minutes, here every 40 ms), and no oftener; and
// with collecting switched off it does not.
//
// args: GODEBUG=gcforce=40
// smp: 1 3
#include "metal.h"
#include "rt/gcrun.h"

int main(void) {
    uint64_t before = gc.cycle;
    int64_t from = time_now_ns();
    // One far timer. A loaded machine gets another chance: what is asked is that they come.
    for (int i = 0; i < 20 && gc.cycle - before < 3; i++)
        time_sleep(500 * MILLISECOND);
    int64_t periods = (time_now_ns() - from) / (40 * MILLISECOND);
    check_range("cycles while all slept", (int64_t)(gc.cycle - before), 3, periods + 1);
    check_equal("they were not asked for by the program", gc_cycle.forced, 0);
    gc_set_percent(-1);
    before = gc.cycle;
    time_sleep(200 * MILLISECOND);
    check_equal("cycles with collecting off", (int64_t)(gc.cycle - before), 0);
    return check_end("t_gc_force");
}
