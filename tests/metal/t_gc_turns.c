// t_gc_turns.c -- who sets GOGC or GOMAXPROCS gets its turn beside goroutines that do nothing but collect,
// and they get theirs beside it.
//
// args:
// smp: 1 2
#include "metal.h"
#include "rt/gcrun.h"

enum { LOOPS = 3, CALLS = 40, ENOUGH = 2000 };

static AtomicBool stop;
static AtomicInt64 collected;
static WaitGroup done;

static void collect(void *unused) {
    while (!atomic_bool_load(&stop) && atomic_int64_add(&collected, 1) <
                                           ENOUGH) // who never gets its turn gets it in the end, and says so
        gc_collect();
    waitgroup_done(&done);
}

static AtomicInt64 set;
static void set_percent(void *unused) {
    while (!atomic_bool_load(&stop)) {
        gc_set_percent(100);
        atomic_int64_add(&set, 1);
    }
    waitgroup_done(&done);
}

static void begin(int n, void (*f)(void *)) {
    atomic_bool_store(&stop, false);
    for (int i = 0; i < n; i++) {
        waitgroup_add(&done, 1);
        go(f, NULL);
    }
}

static void end(void) {
    atomic_bool_store(&stop, true);
    waitgroup_wait(&done);
}

int main(void) {
    begin(LOOPS, collect);
    while (atomic_int64_load(&collected) <= LOOPS)
        gosched();
    uint64_t before = gc.cycle;
    int wrong = 0;
    for (int i = 0; i < CALLS; i++) {
        wrong += gc_set_percent(100) != 100;
        if (cpu_count() > 1) gomaxprocs(1 + i % 2);
        gosched();
    }
    check_equal("wrong values of GOGC", wrong, 0);
    end();
    gomaxprocs(cpu_count());
    int64_t calls = CALLS * (cpu_count() > 1 ? 2 : 1);
    // One cycle a turn, and those that pass while the caller yields or is taken off its core.
    check_range("cycles beside the calls", (int64_t)(gc.cycle - before), CALLS / 8, 8 * calls + LOOPS);

    begin(LOOPS, set_percent);
    while (atomic_int64_load(&set) == 0)
        gosched();
    before = gc.cycle;
    for (int i = 0; i < CALLS; i++)
        gc_collect();
    end();
    check_range("cycles beside goroutines that set GOGC", (int64_t)(gc.cycle - before), CALLS, 2 * CALLS);
    return check_end("t_gc_turns");
}
