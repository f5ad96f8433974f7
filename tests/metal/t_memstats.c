// t_memstats.c -- MemStats and HeapReport: sums that must agree, counts that are known, and both while goroutines allocate.
//
// smp: 1 4
// timeout: 120
#include "metal.h"

static MemStats m, before;
static HeapReport r;

typedef struct Node Node;
struct Node {
    cell(Node *) next;
    uint64_t room[7];
};
TYPE_STRUCT(Node, next);
typedef struct Plain {
    uint64_t room[8];
} Plain;
TYPE_NOSCAN(Plain);
_Static_assert(sizeof(Node) == 64 && sizeof(Plain) == 64, "both of class 3");
enum { CLASS_64 = 3 };

static void check_sums(void) {
    CHECK_QUIETLY(m.sys == m.heap_sys + m.stack_sys + m.mspan_sys + m.mcache_sys + m.buck_hash_sys + m.gc_sys + m.other_sys);
    CHECK_QUIETLY(m.other_sys < m.sys);
    CHECK_QUIETLY(m.heap_sys == m.heap_inuse + m.heap_idle && m.heap_released == 0);
    CHECK_QUIETLY(m.mallocs - m.frees == m.heap_objects);
    CHECK_QUIETLY(m.alloc == m.heap_alloc && m.alloc <= m.total_alloc && m.heap_alloc <= m.heap_inuse);
    CHECK_QUIETLY(m.stack_inuse <= m.stack_sys && m.mspan_inuse <= m.mspan_sys && m.mcache_inuse <= m.mcache_sys);
    CHECK_QUIETLY(m.num_forced_gc <= m.num_gc && m.gc_cpu_ppm <= 1000000);
    uint64_t small = 0, small_bytes = 0;
    for (int c = 0; c < MEM_STATS_CLASSES; c++) {
        CHECK_QUIETLY(m.by_size[c].mallocs >= m.by_size[c].frees);
        CHECK_QUIETLY(c == 0 || m.by_size[c].size > m.by_size[c - 1].size);
        small += m.by_size[c].mallocs - m.by_size[c].frees;
        small_bytes += (m.by_size[c].mallocs - m.by_size[c].frees) * m.by_size[c].size;
    }
    CHECK_QUIETLY(small <= m.heap_objects && small_bytes <= m.heap_alloc);
    uint64_t pauses = 0;
    for (int i = 0; i < MEM_STATS_PAUSES; i++)
        pauses += m.pause_ns[i];
    CHECK_QUIETLY(m.num_gc > MEM_STATS_PAUSES || pauses == m.pause_total_ns);
}

static void check_report(void) {
    uint64_t spans = 0, pages = 0, objects = 0, bytes = 0, free = 0, tail = 0;
    for (int c = 0; c <= MEM_STATS_CLASSES; c++) {
        CHECK_QUIETLY(r.by_class[c].objects <= r.by_class[c].slots);
        CHECK_QUIETLY(c == MEM_STATS_CLASSES || r.by_class[c].free_bytes == (r.by_class[c].slots - r.by_class[c].objects) * r.by_class[c].size);
        spans += r.by_class[c].spans;
        pages += r.by_class[c].pages;
        objects += r.by_class[c].objects;
        free += r.by_class[c].free_bytes;
        tail += r.by_class[c].tail_bytes;
        bytes += r.by_class[c].objects * r.by_class[c].size;
    }
    CHECK_QUIETLY(spans == r.spans && pages * 4096 == r.span_bytes && objects == r.objects && free == r.free_bytes && tail == r.tail_bytes);
    CHECK_QUIETLY(bytes <= r.object_bytes);
    CHECK_QUIETLY(r.span_bytes == r.object_bytes + r.free_bytes + r.tail_bytes);
}

static void read_both(void) {
    read_mem_stats(&m);
    read_heap_report(&r);
    check_sums();
    check_report();
}

static Node *held;
// In a frame of its own: in an instrumented one a dead local keeps the list.
static __attribute__((noinline)) void make_objects(void) {
    for (int i = 0; i < 1000; i++) {
        Node *n = new (Node);
        cell_set(n->next, held);
        held = n;
        new (Plain);
    }
    for (int i = 0; i < 800; i++)
        new (u16);
    make_array(Plain, 10000);
}
static void test_counts(void) {
    gc_collect();
    gc_collect();
    read_both();
    before = m;
    make_objects();
    read_both();
    check_equal("objects of 64 bytes", (int64_t)(m.by_size[CLASS_64].mallocs - before.by_size[CLASS_64].mallocs), 2000);
    check_equal("of any size", (int64_t)(m.mallocs - before.mallocs), 2000 + 800 + 1);
    check_equal("tiny blocks, a collection in between aside", (int64_t)(m.by_size[0].mallocs - before.by_size[0].mallocs), 100);
    check_equal("bytes", (int64_t)(m.total_alloc - before.total_alloc), 2000 * 64 + 100 * 16 + 157 * 4096); // 640000 bytes are 157 pages
    check_equal("objects by report and count", (int64_t)r.objects, (int64_t)m.heap_objects);
    check_equal("bytes by report and count", (int64_t)r.object_bytes, (int64_t)m.heap_alloc);
    check_equal("pages by report and count", (int64_t)r.span_bytes, (int64_t)m.heap_inuse);
    held = NULL;
    uint32_t cycles = m.num_gc, forced = m.num_forced_gc;
    gc_collect();
    read_both();
    check_equal("cycles", m.num_gc - cycles, 1);
    check_equal("forced", m.num_forced_gc - forced, 1);
    check_true("a pause was taken", m.pause_total_ns > before.pause_total_ns && m.pause_ns[(m.num_gc + 255) % 256] > 0);
    check_true("the next goal is above the heap", m.next_gc >= m.heap_alloc);
    check_at_most("objects that are left", (int64_t)(m.heap_objects - before.heap_objects), 64);
    check_at_least("freed", (int64_t)(m.frees - before.frees), 2000 + 800 + 1 - 64);
    check_range("other memory, against before", (int64_t)(m.other_sys - before.other_sys), -(256 << 10), 256 << 10);
}

// ---- one collection's report
static GcReport g;
static void check_gc_report(void) {
    CHECK_QUIETLY(g.procs == gomaxprocs(0) && g.dedicated <= g.procs && g.share <= 1000);
    uint32_t setup = g.setup.idle + g.setup.sched + g.setup.call + g.setup.async + g.setup.door + g.setup.worker;
    CHECK_QUIETLY(setup == (uint32_t)g.procs - 1);
    CHECK_QUIETLY(g.setup.until_ns >= 0 && g.setup.until_ns <= g.setup.total_ns && g.termination.until_ns <= g.termination.total_ns && g.mark_ns > 0);
    CHECK_QUIETLY(g.marked_bytes + g.made_bytes == g.live && g.marked_objects <= g.marked_bytes);
    CHECK_QUIETLY(g.assist_longest_ns <= g.assist_ns);
    CHECK_QUIETLY(g.stacks_ns >= 0 && g.stacks_ns <= g.mark_ns);
    CHECK_QUIETLY(g.barrier_noted_before == 0); // it was off
    CHECK_QUIETLY(g.before_unmarked_objects == g.before_freed_objects + g.before_kept_objects);
    CHECK_QUIETLY(g.before_unmarked_bytes == g.before_freed_bytes + g.before_kept_bytes);
}
static __attribute__((noinline)) void drop_many(void) {
    for (int i = 0; i < 5000; i++)
        new (Node);
}
static void test_gc_report(void) {
    check_true("no report before the first collection", !read_gc_report(&g));
    gc_collect();
    drop_many();
    gc_collect();
    check_true("a report", read_gc_report(&g));
    check_equal("cycle", g.cycle, 2);
    check_true("forced", g.forced);
    check_gc_report();
    check_range("unmarked", (int64_t)g.unmarked_objects, 4900, 6000);
    uint64_t objects = g.unmarked_objects, bytes = g.unmarked_bytes;
    gc_collect();
    read_gc_report(&g);
    check_equal("objects unmarked by the one before", (int64_t)g.before_unmarked_objects, (int64_t)objects);
    check_equal("bytes", (int64_t)g.before_unmarked_bytes, (int64_t)bytes);
    check_gc_report();
}

// ---- the write barrier: on while marking, off otherwise
TYPE_CELL(NodeCell, Node *);
static NodeCell *slot;
static AtomicBool replaced_enough;
static AtomicInt64 replaced;
static WaitGroup replacing;
static void replace(void *arg) {
    Node *two[2] = {new (Node), new (Node)};
    cell_set(slot[0], two[1]);
    for (unsigned i = 0; !atomic_bool_load(&replaced_enough); i++) {
        cell_set(slot[0], two[i % 2]);
        atomic_int64_add(&replaced, 1);
    }
    waitgroup_done(&replacing);
}
static Node *much;
static void test_barrier(void) {
    for (int i = 0; i < 50000; i++) { // marking it takes more than a turn
        Node *n = new (Node);
        cell_set(n->next, much);
        much = n;
    }
    slot = make_array(NodeCell, 1);
    waitgroup_add(&replacing, 1);
    go(replace, NULL);
    int64_t noted = 0, before = 0;
    for (int i = 0; i < 500 && noted == 0; i++) {
        int64_t now = atomic_int64_load(&replaced);
        if (now == before) time_sleep(MILLISECOND); // some while it is off, too
        before = now;
        gc_collect();
        read_gc_report(&g);
        check_gc_report();
        noted += (int64_t)g.barrier_noted;
    }
    atomic_bool_store(&replaced_enough, true);
    waitgroup_wait(&replacing);
    much = NULL;
    check_range("old pointers noted while marking", noted, 1, atomic_int64_load(&replaced) + 100);
}

// ---- stacks
enum { PARKED = 200 };
static chan(int) gate;
static _Atomic int inside;
static void park(void *arg) {
    fetch_add(&inside, 1);
    chan_recv(gate);
    fetch_add(&inside, -1);
}
static void test_stacks(void) {
    gate = chan_make(int, 0);
    read_both();
    before = m;
    for (int i = 0; i < PARKED; i++)
        go(park, NULL);
    WAIT_UNTIL(load_seq(&inside) == PARKED, 10);
    read_both();
    check_at_least("stacks of parked goroutines", (int64_t)(m.stack_inuse - before.stack_inuse), PARKED / 2 * 2048);
    for (int i = 0; i < PARKED; i++)
        chan_send(gate, i);
    WAIT_UNTIL(load_seq(&inside) == 0, 10);
}

#ifndef SANITIZED
// A goroutine that ends gives back the segments it has kept, also where it cannot end the quick way: here because so many end that their core's pool of dead ones is full.
static __attribute__((noinline)) int deep(int depth) {
    volatile char room[512];
    room[0] = (char)depth;
    return depth == 0 ? 0 : deep(depth - 1) + room[0];
}
static void park_and_grow(void *arg) {
    park(arg);
    if (arg) deep(30);
}
static uint64_t after_ends(void *grow) {
    int others = goroutine_count();
    for (int i = 0; i < 4 * PARKED; i++)
        go(park_and_grow, grow);
    WAIT_UNTIL(load_seq(&inside) == 4 * PARKED, 10);
    for (int i = 0; i < 4 * PARKED; i++)
        chan_send(gate, i);
    WAIT_UNTIL(goroutine_count() <= others, 10);
    read_both();
    return m.stack_inuse;
}
static void test_ends(void) {
    after_ends(NULL);
    uint64_t shallow = after_ends(NULL);
    int64_t kept = (cpu_count() - 1) * (448 << 10); // at most what other cores keep of segments for the next who grows (rt/stackseg.c): one core alone is judged sharply
    check_range("stacks after goroutines that grew, against others", (int64_t)(after_ends(&gate) - shallow), -(16 << 10), kept + (16 << 10));
}
#endif

// ---- while others allocate and collect
static AtomicBool stop;
static WaitGroup busy;
static void allocate(void *arg) {
    Node *list = NULL;
    for (uint64_t i = 0; !atomic_bool_load(&stop); i++) {
        Node *n = new (Node);
        cell_set(n->next, list);
        list = i % 1000 ? n : NULL;
        make_array(char, (intptr_t)(i * 37 % 3000));
        if (i % 500 == 0) make_array(Plain, 2000);
        if (i % 100 == 0) gosched();
    }
    waitgroup_done(&busy);
}
static void collect(void *arg) {
    while (!atomic_bool_load(&stop)) {
        gc_collect();
        gosched();
    }
    waitgroup_done(&busy);
}
static void test_busy(void) {
    waitgroup_add(&busy, 4);
    for (int i = 0; i < 3; i++)
        go(allocate, NULL);
    go(collect, NULL);
    uint64_t mallocs = 0, frees = 0, total = 0;
    for (int i = 0; i < 300; i++) {
        read_both();
        if (read_gc_report(&g)) check_gc_report();
        CHECK_QUIETLY(m.mallocs >= mallocs && m.frees >= frees && m.total_alloc >= total);
        mallocs = m.mallocs, frees = m.frees, total = m.total_alloc;
        if (i % 8 == 0) gosched();
    }
    atomic_bool_store(&stop, true);
    waitgroup_wait(&busy);
}

// As in Go there is a goal before the first cycle: GOGC percent of 4 MB.
static void test_first_goal(void) {
    static MemStats m;
    read_mem_stats(&m);
    check_equal("cycles at the start", m.num_gc, 0);
    check_equal("the first goal", (long)m.next_gc, 4 << 20);
    int percent = gc_set_percent(400);
    read_mem_stats(&m);
    check_equal("GOGC at the start", percent, 100);
    check_equal("the goal with GOGC=400", (long)m.next_gc, 16 << 20);
    gc_set_percent(percent);
}

int main(int argc, char **argv) {
    test_first_goal();
    test_gc_report();
    test_barrier();
    test_counts();
    test_stacks();
#ifndef SANITIZED // there stacks do not grow
    test_ends();
#endif
    test_busy();
    gc_collect();
    read_both();
    return check_end("t_memstats");
}
