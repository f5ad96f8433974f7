// heap.c -- the head-to-head's work with the heap: allocation, binary trees, collections of large heaps, latency beside them; names and
// work are those of the Go programs.
//
//     heap [-ms N] [-reps N] [-mib N] [-scale PERCENT] NAME...     (no name: list)
#include "bench.h"
#include "rt/gc.h"

typedef struct B16 { char a[16]; } B16;
typedef struct B64 { char a[64]; } B64;
typedef struct B256 { char a[256]; } B256;
typedef struct B1024 { char a[1024]; } B1024;
TYPE_NOSCAN(B16);
TYPE_NOSCAN(B64);
TYPE_NOSCAN(B256);
TYPE_NOSCAN(B1024);
typedef struct Node Node;
struct Node { // 64 bytes, two pointers
    cell(Node *) next, other;
    uint64_t v[6];
};
TYPE_STRUCT(Node, next, other);
TYPE_CELL(NodeCell, Node *);
typedef struct Small Small;
struct Small { // 16 bytes, one pointer
    cell(Small *) next;
    uint64_t v;
};
TYPE_STRUCT(Small, next);
typedef struct P256 P256;
struct P256 { // two pointers
    cell(P256 *) next, other;
    uint64_t v[30];
};
TYPE_STRUCT(P256, next, other);
typedef struct P1024 P1024;
struct P1024 {
    cell(P1024 *) next, other;
    uint64_t v[126];
};
TYPE_STRUCT(P1024, next, other);

static WaitGroup wg;
static void *volatile kept; // a global: what is stored here lives

// ---- allocation
static void alloc_16(int64_t n) { while (n--) kept = new (B16); }
static void alloc_64(int64_t n) { while (n--) kept = new (B64); }
static void alloc_256(int64_t n) { while (n--) kept = new (B256); }
static void alloc_1024(int64_t n) { while (n--) kept = new (B1024); }
static void alloc_16ptr(int64_t n) { while (n--) kept = new (Small); }
static void alloc_64ptr(int64_t n) { while (n--) kept = new (Node); }
static void alloc_256ptr(int64_t n) { while (n--) kept = new (P256); }
static void alloc_1024ptr(int64_t n) { while (n--) kept = new (P1024); }
static void alloc_64k(int64_t n) { while (n--) kept = make_array(u8, 65536); }

// One pointer node in 4 objects, the rest bytes 16..1024, the last 1024 of them kept alive by a ring.
typedef struct RingEntry {
    cell(Node *) p;
    cell(u8 *) b;
} RingEntry;
TYPE_STRUCT(RingEntry, p, b);
static void mixed(int64_t n) {
    RingEntry *ring = make_array(RingEntry, 1024);
    uint64_t r = 7;
    Node *last = NULL;
    while (n--) {
        uint64_t x = rng_next(&r);
        RingEntry *e = &ring[x & 1023];
        if ((x >> 10 & 3) == 0) {
            Node *p = new (Node), *old = cell_get(e->p);
            cell_set(p->next, old);
            if (old) cell_set(old->next, NULL);
            cell_set(p->other, last);
            last = (x >> 12 & 63) == 0 ? NULL : p;
            cell_set(e->p, p);
        } else {
            cell_set(e->b, make_array(u8, 16l << (x >> 20) % 7));
        }
    }
}

static int64_t each;
static void (*each_does)(int64_t n);
static void one_of_all(void *unused) {
    each_does(each);
    waitgroup_done(&wg);
}
static void on_all(int64_t n, void (*f)(int64_t n)) {
    int p = gomaxprocs(0);
    each = n / p + 1, each_does = f;
    waitgroup_add(&wg, p);
    for (int i = 0; i < p; i++)
        go(one_of_all, NULL);
    waitgroup_wait(&wg);
}
static void all_64ptr(int64_t n) { on_all(n, alloc_64ptr); }
static void all_mixed(int64_t n) { on_all(n, mixed); }

static void bench_alloc(void) {
    per_op("alloc.16", alloc_16);
    per_op("alloc.64", alloc_64);
    per_op("alloc.256", alloc_256);
    per_op("alloc.1024", alloc_1024);
    per_op("alloc.16ptr", alloc_16ptr);
    per_op("alloc.64ptr", alloc_64ptr);
    per_op("alloc.256ptr", alloc_256ptr);
    per_op("alloc.1024ptr", alloc_1024ptr);
    per_op("alloc.mixed", mixed);
    per_op("alloc.64ptr.allP", all_64ptr);
    per_op("alloc.mixed.allP", all_mixed);
    per_op("alloc.64KiB", alloc_64k);
    kept = NULL;
}

// ---- the cost of a store, with and without the barrier's work
static Node *store_to, *store_what;
static void stores(int64_t n) {
    Node *to = store_to, *a = store_what, *b = cell_get(a->next);
    for (int64_t i = 0; i < n; i += 2) {
        cell_set(to->next, a);
        cell_set(to->other, b);
    }
}
static AtomicBool marking_over;
static void collects_on(void *unused) {
    while (!atomic_bool_load(&marking_over))
        gc_collect();
    waitgroup_done(&wg);
}
static void build(int64_t mib);
static NodeCell *lists;
enum { STORES = 200, SAMPLES = 1000 };
static void bench_barrier(void) {
    store_to = new (Node), store_what = new (Node);
    cell_set(store_what->next, new (Node));
    per_op("barrier.off", stores);
    // While one collection follows the other, only stores between which marking neither began nor ended count; the median leaves out preemptions.
    build(32);
    Hist *h = new (Hist);
    waitgroup_add(&wg, 1);
    go(collects_on, NULL);
    while (h->n < SAMPLES) {
        uint32_t cycle = gc.cycle;
        bool marking = load_acquire(&gc.barrier) != 0;
        int64_t s = time_now_ns();
        stores(STORES);
        int64_t d = time_now_ns() - s;
        if (marking && load_acquire(&gc.barrier) != 0 && gc.cycle == cycle)
            hist_add(h, d);
        else
            gosched();
    }
    atomic_bool_store(&marking_over, true);
    waitgroup_wait(&wg);
    lists = NULL;
    print("barrier.on\t%.1f\tns/op\n", hist_at(h, 0.5) / STORES);
}

// ---- binary trees (benchmarks game, least depth 4)
typedef struct Tree Tree;
struct Tree {
    cell(Tree *) l, r;
};
TYPE_STRUCT(Tree, l, r);
static int tree_depth;
static uint64_t tree_sum;

static Tree *bottom_up(int d) {
    Tree *t = new (Tree);
    if (d > 0) {
        cell_set(t->l, bottom_up(d - 1));
        cell_set(t->r, bottom_up(d - 1));
    }
    return t;
}
static uint64_t tree_check(const Tree *t) {
    const Tree *l = cell_get(t->l);
    return l ? 1 + tree_check(l) + tree_check(cell_get(t->r)) : 1;
}
static void tree_job(int d) {
    uint64_t c = 0;
    for (int64_t i = 1l << (tree_depth - d + 4); i > 0; i--)
        c += tree_check(bottom_up(d));
    __atomic_fetch_add(&tree_sum, c, __ATOMIC_RELAXED);
}
static void tree_job_of(void *d) {
    tree_job((int)(intptr_t)d);
    waitgroup_done(&wg);
}
static void binary_trees(bool parallel) {
    Tree *lives = bottom_up(tree_depth);
    uint64_t sum = tree_check(bottom_up(tree_depth + 1));
    for (int d = 4; d <= tree_depth; d += 4) {
        if (!parallel) {
            tree_job(d);
            continue;
        }
        waitgroup_add(&wg, 1);
        go(tree_job_of, (void *)(intptr_t)d);
    }
    waitgroup_wait(&wg);
    tree_sum += sum + tree_check(lives);
}
static void trees_seq(void) { binary_trees(false); }
static void trees_par(void) { binary_trees(true); }

static MemStats before, after;
static void bench_bintree(void) {
    char name[40];
    tree_depth = scale >= 50 ? 16 : scale >= 5 ? 14 : 12;
    str_format(name, sizeof name, "bintree.%d.seq", tree_depth);
    read_mem_stats(&before);
    once(name, 3, trees_seq);
    read_mem_stats(&after);
    print("%s.numgc\t%.1f\tcycles\n", name, (double)((int)(after.num_gc - before.num_gc) - 3) / 3);
    print("%s.pause\t%.3f\tms\n", name, (double)(after.pause_total_ns - before.pause_total_ns) / 3e6);
    str_format(name, sizeof name, "bintree.%d.par", tree_depth);
    once(name, 3, trees_par);
}

// ---- collections of a large heap: 4096 lists of 64-byte nodes, filled in random order
enum { LISTS = 4096 };
static void build(int64_t mib) {
    lists = make_array(NodeCell, LISTS);
    uint64_t r = 12345;
    for (int64_t i = mib << 20 >> 6; i > 0; i--) {
        uint64_t x = rng_next(&r);
        Node *p = new (Node);
        cell_set(p->next, cell_get(lists[x & 4095]));
        cell_set(p->other, cell_get(lists[x >> 12 & 4095]));
        p->v[0] = x;
        cell_set(lists[x & 4095], p);
    }
}
// Clears `other`, so that dropped nodes really die.
static void strip(void) {
    for (int i = 0; i < LISTS; i++)
        for (Node *n = cell_get(lists[i]); n; n = cell_get(n->next))
            cell_set(n->other, NULL);
}
// One operation makes a node and 192 bytes, puts the node in front of a random list and drops the old head: 256 bytes of garbage.
static void mutate(int lo, int hi, uint64_t *r, int ops) {
    while (ops--) {
        uint64_t x = rng_next(r);
        int k = lo + (int)(x % (uint64_t)(hi - lo));
        Node *p = new (Node);
        cell_set(p->next, cell_get(cell_get(lists[k])->next));
        p->v[0] = x;
        u8 *b = make_array(u8, 192);
        b[x & 127] = 1;
        kept = b;
        cell_set(lists[k], p);
        Node *q = cell_get(p->next);
        if (q) {
            p->v[1] = q->v[0];
            if ((q = cell_get(q->next))) p->v[1] += q->v[0];
        }
    }
}

enum { BATCH = 64, P_MAX = 256 };
static int64_t max_ops, done_ops[P_MAX];
static Hist *hists[P_MAX];
static AtomicBool stop;
// With one core and one mutator all that holds up goroutines holds up this one: what its longest batch was made of.
static struct {
    bool wanted;
    int64_t ns, cause[STALLS];
} longest;
static void stalls_now(int64_t v[STALLS]) {
    for (int i = 0; i < STALLS; i++)
        v[i] = load_relaxed(&stalls.total_ns[i]);
}
static __attribute__((noinline)) void look_longest(int64_t ns, int64_t before[STALLS]) {
    int64_t now[STALLS];
    stalls_now(now);
    if (ns > longest.ns) {
        longest.ns = ns;
        for (int i = 0; i < STALLS; i++)
            longest.cause[i] = now[i] - before[i];
    }
    for (int i = 0; i < STALLS; i++)
        before[i] = now[i];
}
static void mutator(void *arg) {
    int w = (int)(intptr_t)arg, p = gomaxprocs(0), lo = LISTS * w / p, hi = LISTS * (w + 1) / p;
    uint64_t r = (uint64_t)w + 1;
    int64_t a = time_now_ns(), b, before[STALLS];
    stalls_now(before);
    while (done_ops[w] < max_ops && !atomic_bool_load(&stop)) {
        mutate(lo, hi, &r, BATCH);
        b = time_now_ns();
        hist_add(hists[w], b - a);
        if (longest.wanted) look_longest(b - a, before);
        a = b;
        done_ops[w] += BATCH;
    }
    waitgroup_done(&wg);
}
// Returns the time of one operation on one core, ns; *h: of the batches.
static double phase(int64_t most, Hist *h) {
    int p = gomaxprocs(0);
    max_ops = most;
    waitgroup_add(&wg, p);
    int64_t s = time_now_ns(), total = 0;
    for (int w = 0; w < p; w++) {
        done_ops[w] = 0;
        hists[w] = new (Hist);
        go(mutator, (void *)(intptr_t)w);
    }
    waitgroup_wait(&wg);
    double wall = (double)(time_now_ns() - s);
    for (int w = 0; w < p; w++) {
        hist_merge(h, hists[w]);
        total += done_ops[w];
    }
    return wall * p / (double)total;
}
// At least 10 budgets, then until 5 cycles, at most 60.
static void watch(void *unused) {
    static MemStats m;
    int64_t b = time_now_ns(), u = budget_ms * MILLISECOND;
    for (;;) {
        time_sleep(20 * MILLISECOND);
        int64_t d = time_now_ns() - b;
        if (d <= 10 * u) continue;
        read_mem_stats(&m);
        if (d > 60 * u || m.num_gc - before.num_gc >= 5) break;
    }
    atomic_bool_store(&stop, true);
}
static void emit_of(const char *tag, const char *name, double v, const char *unit) {
    print("%s.%s\t%.3f\t%s\n", tag, name, v, unit);
}
static void pauses(const char *tag) {
    static double v[MEM_STATS_PAUSES];
    int n = (int)(after.num_gc - before.num_gc);
    if (n > MEM_STATS_PAUSES) n = MEM_STATS_PAUSES;
    if (n == 0) return;
    for (int i = 0; i < n; i++)
        v[i] = (double)after.pause_ns[(after.num_gc + MEM_STATS_PAUSES - 1 - (uint32_t)i) % MEM_STATS_PAUSES] / 1000;
    sort_doubles(v, n);
    emit_of(tag, "pause.p50", v[n / 2], "us");
    emit_of(tag, "pause.p99", v[n * 99 / 100], "us");
    emit_of(tag, "pause.max", v[n - 1], "us");
}
static void emit_stalls(const char *tag) {
    char name[40];
    int64_t rest = longest.ns;
    emit_of(tag, "stall.longest", (double)longest.ns / 1e3, "us");
    for (int i = 0; i < STALLS; i++) {
        if (i == STALL_SWEEP) continue; // among the rest
        str_format(name, sizeof name, "stall.longest.%s", stall_names[i]);
        emit_of(tag, name, (double)longest.cause[i] / 1e3, "us");
        rest -= longest.cause[i];
    }
    emit_of(tag, "stall.longest.rest", (double)rest / 1e3, "us"); // the batch itself, and sweeping for its memory
    for (int i = 0; i < STALLS; i++) {
        str_format(name, sizeof name, "stall.%s.max", stall_names[i]);
        emit_of(tag, name, (double)load_relaxed(&stalls.longest_ns[i]) / 1e3, "us");
    }
}
static void forget_stalls(void) {
    longest.ns = 0;
    for (int i = 0; i < STALLS; i++)
        store_relaxed(&stalls.longest_ns[i], 0);
}
// What memory goes to beside objects, in parts of the objects' bytes.
static void emit_overhead(const char *tag, const char *when) {
    char name[40];
    HeapReport *h = new (HeapReport);
    read_heap_report(h);
    str_format(name, sizeof name, "overhead.%s", when); // what describes slots and spans; ends of spans
    emit_of(tag, name, (double)(h->tail_bytes + h->record_bytes) * 100 / (double)h->object_bytes, "%");
    str_format(name, sizeof name, "free_slots.%s", when);
    emit_of(tag, name, (double)h->free_bytes * 100 / (double)h->object_bytes, "%");
}
static void gc_of(int64_t mib) {
    char tag[40];
    str_format(tag, sizeof tag, "gc.%ldMiB", (long)mib);
    int64_t s = time_now_ns();
    build(mib);
    strip();
    emit_of(tag, "build", (double)(time_now_ns() - s) / 1e6, "ms");
    gc_collect();
    emit_overhead(tag, "built");
    double full[3];
    for (int i = 0; i < 3; i++) {
        s = time_now_ns();
        gc_collect();
        full[i] = (double)(time_now_ns() - s);
    }
    sort_doubles(full, 3);
    emit_of(tag, "fullgc", full[1] / 1e6, "ms");
    emit_of(tag, "fullgc.node", full[1] / (double)(mib << 20 >> 6), "ns/node");

    Hist *off = new (Hist), *on = new (Hist);
    int old = gc_set_percent(-1); // garbage bounded to 64 MiB a core
    double free = phase((64 << 20) / 256, off);
    emit_of(tag, "mutate.gcoff", free, "ns/op");
    gc_set_percent(25); // cycles follow each other closely
    gc_collect();
    read_mem_stats(&before);
    atomic_bool_store(&stop, false);
    go(watch, NULL);
    forget_stalls();
    longest.wanted = gomaxprocs(0) == 1;
    s = time_now_ns();
    double busy = phase(1l << 60, on);
    longest.wanted = false;
    double wall = (double)(time_now_ns() - s);
    read_mem_stats(&after);
    gc_set_percent(old);
    emit_of(tag, "mutate.gcon", busy, "ns/op");
    emit_of(tag, "utilisation", free / busy, "fraction");
    char batch[60];
    str_format(batch, sizeof batch, "%s.batch64", tag);
    hist_emit(batch, on);
    uint32_t n = after.num_gc - before.num_gc;
    emit_of(tag, "cycles", n, "count");
    emit_of(tag, "cycle_every", wall / 1e6 / (n + 1), "ms");
    emit_of(tag, "gccpu_fraction", mem_stats_gc_cpu_fraction(&after), "fraction");
    pauses(tag);
    if (gomaxprocs(0) == 1) emit_stalls(tag);
    gc_collect();
    emit_overhead(tag, "churned");
    emit_of(tag, "heap", (double)after.heap_inuse / 1048576, "MiB");
    lists = NULL;
    for (int w = 0; w < P_MAX; w++)
        hists[w] = NULL;
}
static void bench_gc(void) {
    static const int64_t sizes[] = {64, 256, 1024};
    for (size_t i = 0; i < 3; i++) {
        if (option_mib ? sizes[i] != option_mib : memory_stats().free < (size_t)sizes[i] << 21) continue;
        gc_of(sizes[i]);
        gc_collect();
    }
}

// ---- marking: the time of a collection for each node on all cores. With -icount the clock counts the instructions of all cores, so it is what they execute together: what
// many cores lose by waiting for each other shows as more than one needs.
static void bench_mark(void) {
    int64_t mib = option_mib ? option_mib : 64;
    build(mib);
    strip();
    gc_collect();
    double full[5];
    for (int i = 0; i < 5; i++) {
        int64_t s = time_now_ns();
        gc_collect();
        full[i] = (double)(time_now_ns() - s);
    }
    sort_doubles(full, 5);
    print("mark.%dcores\t%.1f\tns/node\n", gomaxprocs(0), full[2] / (double)(mib << 20 >> 6));
    lists = NULL;
}

// ---- one goroutine beside a whole cycle of a large heap: how long it is held up, and by what. -mib: 1024 unless it says otherwise.
static void bench_stall(void) {
    int64_t mib = option_mib ? option_mib : 1024;
    char tag[40];
    str_format(tag, sizeof tag, "stall.%ldMiB", (long)mib);
    int old = gc_set_percent(-1);
    build(mib);
    strip();
    gc_collect();
    Hist *h = new (Hist);
    int64_t before_batch[STALLS];
    uint64_t r = 1;
    gc_set_percent(25);
    uint32_t last = gc.cycle + 1; // until it is over
    forget_stalls();
    read_mem_stats(&before);
    stalls_now(before_batch);
    int64_t a = time_now_ns(), start = a;
    while (gc.cycle < last || load_relaxed(&gc.phase) != GC_OFF) {
        mutate(0, LISTS, &r, BATCH);
        int64_t b = time_now_ns();
        hist_add(h, b - a);
        look_longest(b - a, before_batch);
        a = b;
    }
    read_mem_stats(&after);
    gc_set_percent(old);
    emit_of(tag, "lasted", (double)(a - start) / 1e6, "ms");
    emit_of(tag, "gccpu", (double)(load_relaxed(&stalls.total_ns[STALL_TURN]) + load_relaxed(&stalls.total_ns[STALL_ASSIST])) / 1e6, "ms"); // since the start
    emit_of(tag, "cycles", after.num_gc - before.num_gc, "count");
    hist_emit(tag, h);
    pauses(tag);
    emit_stalls(tag);
    lists = NULL;
}

// ---- latency: 1000 goroutines over 128 MiB, each allocates now and then; how late is it when it is done?
enum { CLIENTS = 1000, CHAINS = 64, RATE = 20000 };
static int64_t client_end, client_start, client_mean;
static Hist *latency;
static Mutex latency_lock;
static void client(void *arg) {
    uint64_t r = (uint64_t)(intptr_t)arg * 7919 + 1;
    NodeCell *cache = make_array(NodeCell, CHAINS);
    int64_t due = client_start + (int64_t)(rng_next(&r) % (uint64_t)(2 * client_mean));
    while (due < client_end) {
        time_sleep(due - time_now_ns());
        for (int i = 0; i < 24; i++) {
            uint64_t x = rng_next(&r);
            Node *p = new (Node);
            p->v[0] = x;
            if ((x >> 8 & 7) != 0) cell_set(p->next, cell_get(cache[x & 63])); // chains of 8 on average, then cut
            cell_set(cache[x & 63], p);
        }
        u8 *b = make_array(u8, 2048);
        for (int i = 0; i < 2048; i += 64)
            b[i] = (u8)i;
        kept = b;
        int64_t late = time_now_ns() - due;
        mutex_lock(&latency_lock);
        hist_add(latency, late);
        mutex_unlock(&latency_lock);
        due += client_mean / 5 + (int64_t)(rng_next(&r) % (uint64_t)(client_mean * 8 / 5));
    }
    waitgroup_done(&wg);
}
static void bench_latency(void) {
    build(option_mib ? option_mib : 128);
    strip();
    gc_collect();
    latency = new (Hist);
    client_start = time_now_ns(), client_end = client_start + budget_ms * 10 * MILLISECOND, client_mean = SECOND * CLIENTS / RATE;
    read_mem_stats(&before);
    waitgroup_add(&wg, CLIENTS);
    for (intptr_t i = 0; i < CLIENTS; i++)
        go(client, (void *)i);
    waitgroup_wait(&wg);
    read_mem_stats(&after);
    emit_of("latency", "load", (double)latency->n / ((double)(time_now_ns() - client_start) / 1e9), "req/s");
    hist_emit("latency", latency);
    emit_of("latency", "gcs", after.num_gc - before.num_gc, "cycles");
    pauses("latency");
    lists = NULL, latency = NULL;
}

static const Bench benches[] = {{"alloc", bench_alloc}, {"barrier", bench_barrier}, {"bintree", bench_bintree}, {"gc", bench_gc}, {"mark", bench_mark}, {"stall", bench_stall}, {"latency", bench_latency}};

int main(int argc, char **argv) {
    collects = true;
    return bench_main(argc, argv, benches, sizeof benches / sizeof *benches);
}
