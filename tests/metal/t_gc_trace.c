// t_gc_trace.c -- GODEBUG=gctrace=1 prints Go's line for each cycle, before whoever asked for the cycle goes on.
//
// args: GODEBUG=gctrace=1
// smp: 1 3
#include "check.h"

int main(void) {
    println("begin"); // expect: begin
    gc_collect();     // expect-re: gc 1 @\d+\.\d{3}s \d+%: [\d.]+\+[\d.]+\+[\d.]+ ms clock, [\d.]+\+[\d.]+/[\d.]+/[\d.]+\+[\d.]+ ms cpu, \d+->\d+->\d+ MB, \d+ MB goal, \d+ MB stacks, \d+ MB globals, [13] P \(forced\)
    println("one");   // expect: one
    gc_collect();     // expect-re: gc 2 @.* \(forced\)
    CHECK(gc_set_percent(50) == 100);
    CHECK(gc_set_percent(-5) == 50);
    CHECK(gc_set_percent(100) == -1);
    int64_t limit = gc_set_memory_limit(-1);
    CHECK(limit > 0 && limit < INT64_MAX); // most of the machine's memory
    CHECK(gc_set_memory_limit(1000 << 20) == limit);
    CHECK(gc_set_memory_limit(INT64_MAX) == 1000 << 20);
    CHECK(gc_set_memory_limit(limit) == INT64_MAX);
    static MemStats m;
    do {
        for (int i = 0; i < 16; i++)
            make_array(char, 4096); // 4 MB is the heap's least goal
        read_mem_stats(&m);
    } while (m.num_gc < 3); // expect-re: gc 3 @[^()]* P
    gc_set_percent(-1);     // waits for the end of the cycle
    return atomic_int32_load(&failures) != 0;
}
