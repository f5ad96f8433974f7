// soak -- everything that programs do, round after round in one machine, half of it side by side; after each
// round the machine must be back where it was: goroutines, armed timers, objects and bytes of the heap,
// stacks, free memory, and how many interrupts an idle machine takes.
//
//     make soak MINUTES=60
//     soak [minutes, 0: 8 rounds] [leak]
//
// The first rounds fill pools and caches, the best of them is where it was. What a round may differ from that
// is a constant: stale words that a conservative scan believes, pages in caches. A leak of a hundred bytes a
// round passes for some thousand rounds and then does not.
//
// apps/sieve.c is not among the programs: it leaves its filters waiting for ever, as the Go program that it
// was taken from does.
//
// leak: goroutine, timer, ticker, object, page: loses one of these in each round, which must be noticed
// (tests/test_soak.py).
//
// hosted: no (counts interrupts)
#include "soak.h"
#include "rt/core.h"
#include "kernel/kernel.h"

enum { WARM_UP = 3, SHORT_ROUNDS = 8, SETTLE_S = 5, IDLE_MS = 100, IDLE_TRIES = 5, STRIKES = 3 };
enum {
    SLACK_OBJECTS = 500,
    SLACK_HEAP = 256 << 10,
    SLACK_STACKS = 1 << 20,
    CORE_STACKS = 512 << 10, // segments that a core keeps for the next goroutine (LIST_BYTES of each class, rt/stackseg.c): it takes hundreds of rounds to fill all lists
    SLACK_FREE = 4 << 20,
    IDLE_INTERRUPTS = 40
};
#define ON_SYSTEM_STACK __attribute__((no_split_stack))

typedef struct Counters {
    int64_t goroutines, timers, objects, heap, stacks, free, interrupts;
} Counters;

// ---- the work

static char *const words[] = {"soak", "--top=1", "500", NULL};
static int with(int (*app)(int, char **), int word) {
    char *argv[] = {words[0], words[word], NULL};
    return app(word ? 2 : 1, argv);
}
static void check_status(int status) {
    if (status) panic("soak: a program ended with a status");
}
static void run_hello(void) {
    check_status(with(app_hello, 0));
}
static void run_pingpong(void) {
    check_status(with(app_pingpong, 2));
}
static void run_sha256sum(void) {
    check_status(with(app_sha256sum, 0));
}
static void run_wordfreq(void) {
    check_status(with(app_wordfreq, 1));
}

static void (*const programs[])(void) = {run_hello, run_pingpong, run_sha256sum, run_wordfreq};
static void (*const side_by_side[])(void) = {work_spawn, work_timers, work_deep,  work_trees,
                                             work_maps,  work_select, work_locks, work_large};
static void (*const alone[])(void) = {work_finals, work_cores,
                                      work_spinners}; // change settings of the machine, or count
#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static WaitGroup running;
static void run_one(void *at) {
    (*(void (*const *)(void))at)();
    waitgroup_done(&running);
}

static void run_round(void) {
    for (int i = 0; i < COUNT(programs); i++)
        programs[i]();
    waitgroup_add(&running, COUNT(side_by_side));
    for (int i = 0; i < COUNT(side_by_side); i++)
        go(run_one, (void *)&side_by_side[i]);
    waitgroup_wait(&running);
    for (int i = 0; i < COUNT(alone); i++)
        alone[i]();
}

// ---- the counters

static int64_t interrupts(void) {
    int64_t n = 0;
    for (int i = 0; i < cpus_up; i++)
        n += (int64_t)(cpus[i]->irq_timer + cpus[i]->irq_ipi + cpus[i]->irq_tlb + cpus[i]->irq_device);
    return n;
}

static int64_t armed_timers(void) {
    int64_t n = 0;
    for (int i = 0; i < cpu_count(); i++)
        n += rt_ps[i]->timers.n;
    return n;
}

// What an idle machine takes while one sleep lasts; the least of some tries, since a page of the console or a
// turn of the collector may come in between.
static int64_t idle_interrupts(void) {
    int64_t least = INT64_MAX;
    for (int i = 0; i < IDLE_TRIES && least > IDLE_INTERRUPTS; i++) {
        int64_t before = interrupts();
        time_sleep(IDLE_MS * MILLISECOND);
        int64_t n = interrupts() - before;
        if (n < least) least = n;
    }
    return least;
}

static Counters count(void) {
    int64_t end = time_now_ns() + SETTLE_S * SECOND;
    while ((goroutine_count() > 1 || armed_timers() > 0) && time_now_ns() < end)
        time_sleep(MILLISECOND);
    gc_collect(); // finalizers' objects need two
    gc_collect();
    static MemStats m; // no room for it on a small stack
    read_mem_stats(&m);
    MemoryStats all = memory_stats();
    return (Counters){.goroutines = goroutine_count(),
                      .timers = armed_timers(),
                      .objects = (int64_t)m.heap_objects,
                      .heap = (int64_t)m.heap_alloc,
                      .stacks = (int64_t)all.stack_bytes,
                      .free = (int64_t)all.free,
                      .interrupts = idle_interrupts()};
}

static bool failed, exceeded;
static int strikes; // rounds in a row in which something was exceeded
static void check(const char *what, int64_t got, int64_t was, int64_t slack) {
    if (got <= was + slack) return;
    println("soak: %s: %ld, was %ld, may differ by %ld", what, (long)got, (long)was, (long)slack);
    exceeded = true;
}

// Goroutines and timers are exact. What a stale word keeps for a round is gone in one of the next; what stays
// is a leak.
static void compare(const Counters *now, const Counters *was) {
    exceeded = false;
    check("goroutines", now->goroutines, 1, 0);
    check("armed timers", now->timers, 0, 0);
    failed = exceeded;
    check("objects", now->objects, was->objects, SLACK_OBJECTS);
    check("bytes of the heap", now->heap, was->heap, SLACK_HEAP);
    check("bytes of stacks", now->stacks, was->stacks, SLACK_STACKS + cpu_count() * CORE_STACKS);
    check("bytes that are not free", -now->free, -was->free, SLACK_FREE);
    check("interrupts while idle", now->interrupts, IDLE_INTERRUPTS, 0);
    strikes = exceeded ? strikes + 1 : 0;
    if (strikes == STRIKES) failed = true;
}

// Each counter's best.
static void keep_best(Counters *best, const Counters *c) {
    if (c->objects < best->objects) best->objects = c->objects;
    if (c->heap < best->heap) best->heap = c->heap;
    if (c->stacks < best->stacks) best->stacks = c->stacks;
    if (c->free > best->free) best->free = c->free;
}

static ON_SYSTEM_STACK void report(void *unused) {
    rt_report();
}

// ---- leaks, for the test of this test

typedef struct Lost {
    cell(struct Lost *) next;
    char room[200 << 10];
} Lost;
TYPE_STRUCT(Lost, next);
static Lost *lost;

static void sleep_for_ever(void *unused) {
    (void)chan_recv(chan_make(int, 0));
}
static void nothing(void *unused) {}
static ON_SYSTEM_STACK void lose_pages(void *unused) {
    (void)page_alloc(1024);
}
static void leak(const char *what) {
    if (strcmp(what, "goroutine") == 0) go(sleep_for_ever, NULL);
    if (strcmp(what, "timer") == 0) timer_func(3600 * SECOND, nothing, NULL);
    if (strcmp(what, "ticker") == 0) ticker_new(MILLISECOND);
    if (strcmp(what, "page") == 0) sys_call(lose_pages, NULL);
    if (strcmp(what, "object") == 0) {
        Lost *l = new (Lost);
        cell_set(l->next, lost);
        lost = l;
    }
}

int main(int argc, char **argv) {
    int64_t minutes = 0;
    if (argc > 1 && !parse_int(string_of(argv[1]), 10, &minutes)) panic("soak: expected a number of minutes");
    int64_t end = time_now_ns() + minutes * 60 * SECOND;
    Counters best = {.objects = INT64_MAX, .heap = INT64_MAX, .stacks = INT64_MAX, .free = 0};
    int round = 1;
    for (; !failed && (minutes ? time_now_ns() < end || round <= WARM_UP : round <= SHORT_ROUNDS); round++) {
        run_round();
        if (argc > 2 && round > WARM_UP) leak(argv[2]);
        Counters now = count();
        println("soak: round %d: goroutines %ld, timers %ld, objects %ld, heap %ld KiB, stacks %ld KiB, free "
                "%ld KiB, idle interrupts %ld",
                round, (long)now.goroutines, (long)now.timers, (long)now.objects, (long)(now.heap >> 10),
                (long)(now.stacks >> 10), (long)(now.free >> 10), (long)now.interrupts);
        if (round <= WARM_UP)
            keep_best(&best, &now);
        else
            compare(&now, &best);
    }
    if (failed) sys_call(report, NULL); // who is left?
    println("soak: %s after %d rounds", failed ? "FAILED" : "as it was", round - 1);
    return failed;
}
