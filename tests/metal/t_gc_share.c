// t_gc_share.c -- with every core in a loop without calls, marking takes 25 % of all cores' time: on dedicated cores, and in turns where
// a quarter of the cores is no whole number. The collector's own counters are compared with each other; nothing waits by the clock.
//
// Also: the cores come to the stops out of these loops, wherever they are, and no stop waits for one.
//
// On counted instructions, so that a loaded host does not count. More cores are left to tests/sim/turns/gc_share.c: QEMU runs them in turns on one thread then, and one
// whose timer fires soon after it was set does not get on, because another's turn has taken that time.
//
// smp: 1
// qemu: -icount shift=3,sleep=off
// timeout: 120
// hosted: no (threads that share processors share what a core thinks is its time)
#include "metal.h"
#include "rt/gcrun.h"

// Wide: there is always enough for several cores.
typedef struct Tree Tree;
struct Tree {
    cell(Tree *) c[16];
};
TYPE_STRUCT(Tree, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], c[11], c[12], c[13], c[14], c[15]);

static Tree *tree(int depth) {
    Tree *t = new (Tree);
    for (int i = 0; depth > 0 && i < 16; i++)
        cell_set(t->c[i], tree(depth - 1));
    return t;
}

enum { CYCLES = 3 };
static _Atomic int stop;
static _Atomic uint64_t spun[PLAT_MAX_CPUS];

static void spin(void *arg) {
    int i = (int)(intptr_t)arg;
    uint64_t n = 0;
    while (!load_relaxed(&stop))
        store_relaxed(&spun[i], ++n);
}

int main(int argc, char **argv) {
    Tree *kept = tree((int)arg_number(argc, argv, 1, 4));
    gc_set_percent(-1);
    gc_collect();
    int n = cpu_count();
    for (int i = 0; i < n; i++)
        go(spin, (void *)(intptr_t)i);
    int64_t all = 0, workers = 0, idle = 0, assists = 0, dedicated = 0;
    int64_t async = (int64_t)stop_sums.ways[STOP_ASYNC];
    for (int c = 0; c < CYCLES; c++) {
        gc_collect();
        int64_t wall = gc_cycle.mark_term_ns - gc_cycle.mark_ns;
        all += wall * n;
        workers += gc_cycle.dedicated_ns + gc_cycle.fraction_ns;
        dedicated += gc_cycle.dedicated_ns;
        idle += gc_cycle.idle_ns;
        assists += load_relaxed(&gc_cycle.assist_ns);
    }
    store_relaxed(&stop, 1);
    for (int i = 0; i < n; i++)
        say("core %d: dedicated %ld us, turns %ld us\n", i, rt_ps[i]->gc.dedicated_ns / 1000, rt_ps[i]->gc.fraction_ns / 1000);
    check_range("workers' part of all cores' time, 1/1000", workers * 1000 / all, 220, 280);
    check_at_most("idle cores' part, 1/1000", idle * 1000 / all, 5);
    check_equal("assists, ns", assists, 0);
    check_equal("dedicated cores", gc_cycle.dedicated, n < 4 ? 0 : n / 4);
    say("dedicated %ld/1000, share of the others %ld/1000, marking %ld us a cycle\n", dedicated * 1000 / all, (long)(gc_cycle.share * 1000 / SHARE_ONE),
        (long)(all / n / CYCLES / 1000));
    for (int i = 0; i < n; i++)
        check_at_least("turns of a spinning goroutine", (int64_t)load_relaxed(&spun[i]), 1);
    if (n > 1) check_at_least("cores stopped in the middle of a loop", (int64_t)stop_sums.ways[STOP_ASYNC] - async, 1);
    check_equal("stops 2 in vain", gc_cycle.returns, 0);
    check_true("the tree lives", cell_get(kept->c[0]) != NULL);
    return check_end("t_gc_share");
}
