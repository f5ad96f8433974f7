// gc_ahead.c -- allocation does not run ahead of the collector: however late the stops come, because nobody lets the coordinator run, the heap exceeds its goal by
// no more than gc_ahead (assist.c) allows. Nothing that is allocated lives, so nobody has anything to mark, and assists hold up nobody.
#include "case.h"
#include "rt/gcrun.h"

enum { BYTES = 96 << 10, OBJECTS = 20, GOROUTINES = 2, AHEAD = 1 << 20 }; // of assist.c

static WaitGroup all;

static void allocator(void *unused) {
    for (int i = 0; i < OBJECTS; i++) {
        make_array(u8, BYTES);
        uint64_t goal = hint_load(&gc_pace.goal), left = hint_load(&gc_cycle.heap2), live = load_relaxed(&heap.live_bytes);
        if (goal < gc_cycle.goal) goal = gc_cycle.goal;
        if (goal < left) goal = left;
        CHECK(live <= goal + goal / 8 + AHEAD + (GOROUTINES + 1) * BYTES); // an object each that was made before it was counted
    }
    waitgroup_done(&all);
}

int main(void) {
    gc_set_percent(10); // the goal: 10 % of 4 MiB
    sim_begin(0);
    waitgroup_add(&all, GOROUTINES);
    for (int i = 0; i < GOROUTINES; i++)
        go(allocator, NULL);
    waitgroup_wait(&all);
    CHECK(gc.cycle >= 2);
    return 0;
}
