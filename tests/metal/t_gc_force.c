// t_gc_force.c -- a machine that sleeps and allocates nothing collects now and then all the same (Go: every two minutes, here every 40 ms), and no oftener; and
// with collecting switched off it does not.
//
// args: GODEBUG=gcforce=40
// smp: 1 3
#include "metal.h"
#include "rt/gcrun.h"

// One far timer. A loaded machine gets another chance: what is asked is that they come.
static void sleep_over_cycles(const char *what) {
    uint64_t before = gc.cycle;
    int64_t from = time_now_ns();
    for (int i = 0; i < 20 && gc.cycle - before < 3; i++)
        time_sleep(500 * MILLISECOND);
    int64_t periods = (time_now_ns() - from) / (40 * MILLISECOND);
    check_range(what, (int64_t)(gc.cycle - before), 3, periods + 1);
}

// A goroutine that has the first core for itself.
static WaitGroup owner_done;
static chan(int) owned;
static AtomicBool go_on;
static void owner(void *unused) {
    check_true("on the first core", goroutine_pin(0));
    check_true("for itself", goroutine_own_core(true));
    chan_send(owned, core_id());
    while (!atomic_bool_load(&go_on))
        time_sleep(MILLISECOND);
    check_true("and back", goroutine_own_core(false));
    waitgroup_done(&owner_done);
}

int main(void) {
    sleep_over_cycles("cycles while all slept");
    if (cpu_count() > 1) {
        owned = chan_make(int, 0);
        waitgroup_add(&owner_done, 1);
        go(owner, NULL);
        int core = chan_recv(owned);
        sleep_over_cycles("cycles while a goroutine owns a core");
        say("core %d is owned\n", core);
        atomic_bool_store(&go_on, true);
        waitgroup_wait(&owner_done);
    }
    uint64_t before;
    check_equal("they were not asked for by the program", gc_cycle.forced, 0);
    gc_set_percent(-1);
    before = gc.cycle;
    time_sleep(200 * MILLISECOND);
    check_equal("cycles with collecting off", (int64_t)(gc.cycle - before), 0);
    return check_end("t_gc_force");
}
