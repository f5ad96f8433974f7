// collector.c -- a collection from setup to sweep, on all cores, while goroutines run.
#include "tour.h"

typedef struct Node Node;
struct Node { // 64 bytes
    cell(Node *) next;
    uint64_t number, room[6];
};
TYPE_STRUCT(Node, next);
TYPE_CELL(NodeCell, Node *);

enum { MANY = 20000, LISTS = 64 };
static NodeCell *kept;     // a variable of the program: a root
static GcReport report;

static Node *list_of(int n) {
    Node *list = NULL;
    for (int i = 0; i < n; i++) {
        Node *node = new (Node);
        node->number = (uint64_t)i;
        cell_set(node->next, list);
        list = node;
    }
    return list;
}
static const GcReport *collect(void) {
    gc_collect();
    read_gc_report(&report);
    return &report;
}

// ---- not moving, not compacting

static uintptr_t addresses[MANY];
static __attribute__((noinline)) void make_and_remember(void) {
    kept = make_array(NodeCell, MANY);
    for (int i = 0; i < MANY; i++) {
        Node *node = new (Node);
        node->number = (uint64_t)i;
        addresses[i] = ~(uintptr_t)node; // disguised: it must not keep the node
        cell_set(kept[i], node);
    }
}
static __attribute__((noinline)) void drop_odd(void) {
    for (int i = 1; i < MANY; i += 2)
        cell_set(kept[i], NULL);
}
static HeapReport heap_report;
static uint64_t free_in_spans(void) {
    read_heap_report(&heap_report);
    return heap_report.free_bytes;
}
static void not_moving(void) {
    claim("The collector neither moves nor compacts: an object stays where it was made, and what dies beside it leaves a hole", "rt/sweep.c: span_sweep, rt/central.c: central_freed");
    make_and_remember();
    collect();
    uint64_t before = free_in_spans();
    drop_odd();
    collect();
    collect(); // the sweep of the one before is over when the next begins
    int same = 0, intact = 0;
    for (int i = 0; i < MANY; i += 2) {
        Node *node = cell_get(kept[i]);
        same += addresses[i] == ~(uintptr_t)node;
        intact += node->number == (uint64_t)i;
    }
    seen("object 0 at %p, object 2 at %p, before and after three collections", (void *)cell_get(kept[0]), (void *)cell_get(kept[2]));
    holds(same == MANY / 2 && intact == MANY / 2, "of %d objects %d are where they were, %d with their content", MANY / 2, same, intact);
    uint64_t after = free_in_spans();
    holds(after > before, "free room between objects: %lu KB before every second died, %lu KB after", (unsigned long)before >> 10, (unsigned long)after >> 10);
}

// ---- the sweep

static int reused;
static __attribute__((noinline)) void make_more(void) {
    reused = 0;
    for (int k = 0; k < MANY; k++) {
        Node *node = new (Node);
        // Addresses were handed out in rising order, a span at a time: a short search around is enough, a long one is right.
        for (int i = 1; i < MANY; i += 2)
            if (addresses[i] == ~(uintptr_t)node) {
                reused++;
                addresses[i] = 0;
                break;
            }
        if (reused >= 100) return;
    }
}
static void sweeping(void) {
    claim("Sweeping hands unmarked memory to new values", "rt/sweep.c: span_sweep, rt/alloc.c: run_next");
    make_more();
    holds(reused >= 100, "of the next allocations %d lie exactly where a dead object lay", reused);
    kept = NULL;
}

// ---- not generational

static __attribute__((noinline)) void keep_list(void) {
    kept = make_array(NodeCell, LISTS);
    for (int i = 0; i < LISTS; i++)
        cell_set(kept[i], list_of(1000));
}
static void not_generational(void) {
    claim("It is not generational: each collection looks at all that lives, old or young, and an old object dies as fast as a young one", "rt/mark.c: gc_mark_begin, rt/scan.c: scan_grey");
    keep_list();
    uint64_t marked[3];
    for (int i = 0; i < 3; i++)
        marked[i] = collect()->marked_objects;
    holds(marked[0] >= 64000 && marked[1] >= 64000 && marked[2] >= 64000, "64000 nodes live; marked in three collections in a row: %lu, %lu, %lu",
          (unsigned long)marked[0], (unsigned long)marked[1], (unsigned long)marked[2]);
    cell_set(kept[0], NULL); // 1000 nodes that have outlived three collections
    uint64_t unmarked = collect()->unmarked_objects;
    holds(unmarked >= 990, "1000 of the old ones dropped: the next collection finds %lu unmarked", (unsigned long)unmarked);
}

// ---- a collection under load

static AtomicBool stop;
static WaitGroup wg;
static volatile uint64_t sum;
static AtomicInt64 allocations;
static NodeCell *newest; // of each goroutine that allocates: each object takes the place of the one before

static void spin(void *unused) { // no call, no allocation: only an interrupt gets it off its core
    for (uint64_t turns = 0; turns < TURNS_MAX && !*(volatile bool *)&stop; turns++) {
    }
    waitgroup_done(&wg);
}
static __attribute__((noinline)) uint64_t step(uint64_t x) { return x * 6364136223846793005u + 1442695040888963407u; }
static void call(void *unused) {
    uint64_t x = 1;
    for (uint64_t turns = 0; turns < TURNS_MAX && !atomic_bool_load(&stop); turns += 1000)
        for (int i = 0; i < 1000; i++)
            x = step(x);
    sum += x;
    waitgroup_done(&wg);
}
static void allocate(void *me) {
    Node *list = NULL;
    for (int64_t i = 0; !atomic_bool_load(&stop); i++) {
        list = i % 1000 ? list : NULL;
        Node *node = new (Node);
        cell_set(node->next, list);
        list = node;
        cell_set(newest[(intptr_t)me], node);
        atomic_int64_add(&allocations, 1);
    }
    waitgroup_done(&wg);
}
static void start_load(void) {
    atomic_bool_store(&stop, false);
    int each = gomaxprocs(0);
    waitgroup_add(&wg, 3 * each);
    newest = make_array(NodeCell, each);
    for (intptr_t i = 0; i < each; i++) {
        go(spin, NULL);
        go(call, NULL);
        go(allocate, (void *)i);
    }
}
static void end_load(void) {
    atomic_bool_store(&stop, true);
    waitgroup_wait(&wg);
}

// Whole cores, and turns on the rest, in thousandths of a core: exactly a quarter with turns, but for rounding. Whole cores alone will do, as in Go, if they are off by at
// most three tenths of it.
static int64_t busy(void) { return (int64_t)report.dedicated * 1000 + (int64_t)report.share * (report.procs - report.dedicated); }
static bool is_a_quarter(void) {
    int64_t off = busy() - 250 * (int64_t)report.procs;
    if (off < 0) off = -off;
    return off <= (report.share ? report.procs : 75 * (int64_t)report.procs);
}

// Of a collection after which nobody allocates: as GOGC says, of what lives and of stacks and variables; unless GOGC is off or memory short.
static void next_goal(void) {
    int percent = gc_set_percent(100);
    gc_set_percent(percent);
    collect();
    static MemStats m;
    read_mem_stats(&m);
    uint64_t live = report.live, least = live + live * (uint64_t)(percent > 0 ? percent : 0) / 100;
    bool short_of_memory = (uint64_t)gc_set_memory_limit(-1) < 4 * least;
    holds(m.next_gc >= (short_of_memory ? live : least) && (percent < 0 || m.next_gc <= 2 * least + (16 << 20)),
          "live %lu KB, GOGC %d: the goal is at least %lu KB, and %lu KB with what stacks and variables add", (unsigned long)live >> 10, percent, (unsigned long)least >> 10,
          (unsigned long)m.next_gc >> 10);
}

static void under_load(void) {
    int p = gomaxprocs(0);
    start_load();
    uint64_t idle = 0, sched = 0, calls = 0, async = 0, door = 0, worker = 0, cycles = 0, ways_wrong = 0, quarter_wrong = 0, stacks_wrong = 0;
    uint64_t noted = 0, noted_off = 0, made = 0;
    int whole = 0, turns = 0; // cores: the most of any collection
    int64_t worked = 0, wall = 0, stacks = 0, setup = 0, termination = 0;
    uint32_t last = 0;
    // Twenty; where many cores are emulated on few, fewer.
    for (int64_t begin = time_now_ns(); cycles < 20 && (cycles < 5 || time_now_ns() - begin < 20 * SECOND);) {
        time_sleep(MILLISECOND); // a time without a collection: whatever they store then is no business of the barrier
        collect();
        if (report.cycle == last) continue;
        last = report.cycle;
        cycles++;
        idle += report.setup.idle, sched += report.setup.sched, calls += report.setup.call, async += report.setup.async, door += report.setup.door, worker += report.setup.worker;
        ways_wrong += report.setup.idle + report.setup.sched + report.setup.call + report.setup.async + report.setup.door + report.setup.worker != (uint32_t)(report.procs - 1);
        quarter_wrong += !is_a_quarter() || report.marked_whole > report.dedicated || (report.share == 0 && report.marked_in_turns > 0);
        if (report.marked_whole > whole) whole = report.marked_whole;
        if (report.marked_in_turns > turns) turns = report.marked_in_turns;
        stacks_wrong += report.stacks_ns < 0 || report.stacks_ns > report.mark_ns;
        stacks += report.stacks_ns;
        noted += report.barrier_noted, noted_off += report.barrier_noted_before, made += report.made_objects;
        worked += report.dedicated_ns + report.share_ns, wall += report.mark_ns;
        if (report.setup.total_ns > setup) setup = report.setup.total_ns;
        if (report.termination.total_ns > termination) termination = report.termination.total_ns;
    }
    end_load();
    int64_t outside = atomic_int64_load(&allocations) - (int64_t)made;

    claim("Mark setup stops every goroutine, at a function call or wherever it is, so that none is in the middle of asking for memory; then the write barrier goes on",
          "rt/stop.c: world_stop, rt/preempt.c: answer, rt/gc.c: begin_marking");
    seen("%d cores: a loop without calls, one with calls and one that allocates for each; %lu collections", p, (unsigned long)cycles);
    seen("the other cores came to the stop: %lu at a call, %lu interrupted anywhere, %lu leaving the runtime, %lu between goroutines, %lu without work, %lu marking",
         (unsigned long)calls, (unsigned long)async, (unsigned long)door, (unsigned long)sched, (unsigned long)idle, (unsigned long)worker);
    holds(ways_wrong == 0, "each time all others came; longest setup stop %ld us", (long)setup / 1000);
    if (p > 1) holds(async > 0, "a loop without calls did not keep them waiting: interrupted %lu times", (unsigned long)async);
    uint64_t cut = cycles * (uint64_t)(p + 16); // made, and not put in its place yet, when a stop came
    holds(made > cut && noted + cut >= made && noted <= made + cut, "the barrier is on: goroutines made %lu objects before marking was over, each took the place of another, and %lu old pointers were noted",
          (unsigned long)made, (unsigned long)noted);

    claim("Marking takes 25 % of the cores, walks stacks and then the heap, while goroutines run", "rt/gcwork.c: split, rt/root.c: gc_scan_before_run, rt/mark.c: gc_drain");
    holds(quarter_wrong == 0 && whole + turns > 0, "workers: %d of %d cores whole, and %u/1000 of the time of the others: %ld %% in all; there marked at once at most %d whole, %d in turns",
          report.dedicated, report.procs, report.share, (long)(busy() + 5 * report.procs) / (10 * report.procs), whole, turns);
    seen("measured: they marked for %ld us in all, while %ld us passed between the stops: with a heap of 4 MB most of that is the collector's turn to come, behind the loops",
         (long)worked / 1000, (long)wall / 1000);
    holds(stacks_wrong == 0, "all stacks had been looked at after %ld us of these", (long)stacks / 1000);
    holds(made > 0, "meanwhile goroutines made %lu objects", (unsigned long)made);

    claim("Mark termination stops once more, turns the barrier off, sets the next goal and counts what is unmarked", "rt/gc.c: end_marking, rt/pacer.c: pacer_goal");
    seen("longest termination stop %ld us", (long)termination / 1000);
    holds(noted_off == 0 && outside > 0, "the barrier is off: until the next setup goroutines replaced %ld pointers, and %lu were noted", (long)outside, (unsigned long)noted_off);
    next_goal();
    holds(report.before_unmarked_objects == report.before_freed_objects + report.before_kept_objects && report.before_unmarked_bytes == report.before_freed_bytes + report.before_kept_bytes,
          "unmarked: %lu objects, %lu bytes; freed by the sweep: %lu objects, %lu bytes, exactly", (unsigned long)report.before_unmarked_objects,
          (unsigned long)report.before_unmarked_bytes, (unsigned long)report.before_freed_objects, (unsigned long)report.before_freed_bytes);
}

// Allocation itself starts collections, and pays for them: little room to the next goal, much garbage, no forced cycle.
static void assisted(void) {
    int old = gc_set_percent(5);
    uint32_t first = collect()->cycle, last = first;
    int64_t assist = 0, pieces = 0, longest = 0;
    start_load();
    for (int64_t end = time_now_ns() + 120 * SECOND; time_now_ns() < end && (pieces == 0 || last < first + 10);) {
        gosched();
        if (!read_gc_report(&report) || report.cycle == last) continue;
        last = report.cycle;
        assist += report.assist_ns;
        if (report.assist_longest_ns > longest) longest = report.assist_longest_ns;
        pieces += report.assist_ns > 0;
    }
    end_load();
    gc_set_percent(old);
    claim("Allocation starts collections at the goal, and a goroutine that allocates faster than marking goes on is drafted: the mark assist", "rt/pace.c: gc_pace_look, rt/assist.c: gc_allocated");
    holds(last > first, "with GOGC=5: %u collections that nobody asked for", last - first);
    holds(pieces > 0, "goroutines had to assist in %ld of those that were looked at: %ld us in all, the longest piece %ld us", (long)pieces, (long)assist / 1000, (long)longest / 1000);
}

void collector_claims(void) {
    not_moving();
    sweeping();
    not_generational();
    under_load();
    assisted();
    kept = NULL, newest = NULL;
}
