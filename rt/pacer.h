// pacer.h -- when the next cycle begins, what allocation pays for marking, and how much of the machine the collector may take.
// Functions of a record, as in Go 1.19 (mgcpacer.go, mgclimit.go); no clock, no locks, nothing of the runtime: tested alone (tests/unit/test_pacer.c).
//
// GOGC. After a cycle that marked M bytes of heap the goal is M + (M + stacks + globals) * GOGC / 100, at least 4 MB * GOGC / 100: live_bytes should not exceed
// it. Marking takes time, in which the program allocates; so it begins earlier, at the *trigger*: goal less *runway*, what is expected to be allocated meanwhile.
//
// Cons/mark. While marking, the program allocates A bytes in C of CPU time, the collector scans S bytes in D. cons/mark = (A / C) / (S / D) says how many bytes
// are allocated in the time that one is scanned in, if both had the same share of CPU. With shares of 75 % and 25 % the runway is
// cons/mark * 3 * expected scan work. The largest of the last CONS_KEPT cycles counts: to begin too late costs assists, too early little. Without
// such a figure the runway is the scan work itself, and it is never longer: assists at one byte for one are enough then. Cycles begin in the middle of the way from what was
// marked to the goal at the earliest. (Go: after 70 % of it. That is too late for a program that allocates all the time at a small GOGC: assists had to do three quarters
// of the marking.)
//
// Memory limit. All that the runtime holds should stay below it: what is not heap, and what is over it already, is subtracted, and the heap
// gets the rest. The goal is always LIMIT_STEP above what was marked: a small heap would be collected for every few objects, and no program overflows for that. If the limit means
// to collect all the time, the CPU limiter ends assists, and lets the next cycle wait.
//
// Assists. While marking, each byte allocated has to be paid by (expected scan work left) / (bytes left to the goal) of scanning. If more is scanned than
// expected, the worst case is expected (everything alive), and the goal is stretched accordingly, at most to GOGC's share beyond it.
// But nobody pays more than GENTLE bytes for one before the goal is reached: a program that waits for something now and then leaves the collector the time anyway,
// in idle cores, and if all who allocate together owe more than their cores can mark, they queue up until the cycle is over, for no gain. Beyond the goal
// the price rises, to STEEPEST a tenth further: a program that never waits exceeds its goal by some per cent then. A cycle that begins at its goal
// ends at most a tenth, and a tenth of what is to be marked, beyond it (10 for one: who takes five spans in a row marks for 0.6 ms; with 16 it was 0.75, and beside a turn a
// millisecond). (Go asks for what is needed, whatever it is. 64 MiB live, GOGC=25, 1000 goroutines that
// need an eighth of a core: 99 % of all requests were done within 112 ms like that, within 1 ms like this.) A memory limit knows no such mercy.
//
// CPU limiter. A bucket of one second per core fills with the collector's time and drains with the program's; when it is full, goroutines do not assist (the goal
// may be exceeded), and where the memory limit decides no cycle begins: over any longer time the collector takes at most half. What comes in while it is full is not forgotten, or it would be two thirds (in Go it may be): the time in
// which assists take all there is to take would count for nothing, and the first moment without would let them come back. A quarter of a bucket more is kept at most: heaps grow meanwhile.
//
// All quotients are integers: fractions in 1 / PACE_ONE.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PACE_ONE      (1u << 20)
#define CONS_KEPT     4
#define HEAP_MINIMUM  (4ull << 20) // of the goal, at GOGC=100
#define LIMIT_RESERVE (1ull << 20) // headroom below the memory limit
#define LIMIT_STEP    (256ull << 10)
#define NO_LIMIT      UINT64_MAX

typedef struct Pacer {
    // settings
    int32_t percent; // GOGC; negative: off
    uint64_t limit;  // bytes of all memory; NO_LIMIT
    // of the last cycle
    uint64_t marked;    // heap bytes
    uint64_t heap_scan; // scan work in the heap, bytes
    uint64_t root_scan; // in stacks and globals
    uint64_t cons_mark; // in 1 / PACE_ONE
    uint64_t cons_marks[CONS_KEPT];
    // of the cycle under way
    uint64_t triggered; // live bytes at stop 1; UINT64_MAX: none is under way
    uint64_t sweep_trigger; // not before so many live bytes: the last cycle's sweep needs some allocation to be done; 0: it is done
} Pacer;

// What the runtime holds.
typedef struct PacerMemory {
    uint64_t used; // bytes of all kinds
    uint64_t heap; // of these, in objects that have not been freed
    uint64_t live; // heap.live_bytes
} PacerMemory;

void pacer_init(Pacer *p, int percent, uint64_t limit);
uint64_t pacer_goal(const Pacer *p, const PacerMemory *m);
uint64_t pacer_trigger(const Pacer *p, const PacerMemory *m); // live bytes; <= goal. UINT64_MAX: never
bool pacer_limited(const Pacer *p, const PacerMemory *m); // it is the memory limit that decides

// A cycle has ended.
typedef struct PacerCycle {
    uint64_t live, marked;         // live bytes at stop 2, before it becomes marked
    uint64_t heap_scan, root_scan;
    int64_t wall_ns;               // of marking
    int procs;
    int64_t assist_ns, idle_ns;    // sums over all cores
} PacerCycle;
void pacer_end_cycle(Pacer *p, const PacerCycle *c);

// Scan work that a byte of allocation costs now, in 1 / PACE_ONE; at least 1. scanned: work of this cycle so far; most: what it could be at most.
uint64_t pacer_assist_ratio(const Pacer *p, const PacerMemory *m, uint64_t scanned, uint64_t most);
// Pages to sweep per MB of allocation, so that `pages` are swept 1 MB before the trigger.
uint64_t pacer_sweep_ratio(uint64_t live, uint64_t trigger, uint64_t pages);

typedef struct CpuLimiter {
    uint64_t fill, capacity; // ns; fill: up to a quarter more
    bool limiting;           // full
} CpuLimiter;
void cpu_limiter_add(CpuLimiter *l, int procs, int64_t program_ns, int64_t collector_ns);

// a * b / c, UINT64_MAX when that is too large (or c is 0).
static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c) {
    unsigned __int128 product = (unsigned __int128)a * b;
    uint64_t hi = (uint64_t)(product >> 64), lo = (uint64_t)product, rest;
    if (hi >= c) return UINT64_MAX;
    __asm__("divq %4" : "=a"(lo), "=d"(rest) : "a"(lo), "d"(hi), "r"(c) : "cc"); // no __udivti3: no library below
    return lo;
}
