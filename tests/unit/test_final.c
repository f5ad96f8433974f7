// units: rt/finalizer.c rt/fixed.c rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// test_final.c -- finalizers on a made-up span: what a sweep keeps and queues, what marking is told, and what must be shaded when a
// finalizer goes away while marking; with random operations against a plain model.
#include "stub_plat.h"
#include "api/final.h"
#include "place.h"

enum { SLOTS = 64, SLOT = 64 };
static Span span;
static char *memory;
SpanMap span_map; // bytes 0: span_of asks span_of_mapped
Heap heap;
Gc gc;
Span *span_of_mapped(uintptr_t addr) {
    return addr - span.base < SLOTS * SLOT ? &span : NULL;
}
static void *slot(int i) {
    return memory + i * SLOT;
}
static int slot_of(uintptr_t addr) {
    return (int)((addr - span.base) / SLOT);
}

// ---- what finalizer.c calls
static G goroutine;
static void (*goroutine_main)(void *);
static int made, readied;
static jmp_buf parked;
G *g_new(void (*fn)(void *), void *arg, uintptr_t pc) {
    made++;
    goroutine_main = fn;
    return &goroutine;
}
void g_ready(G *g) {
    CHECK(g == &goroutine);
    readied++;
}
void g_park(WaitReason why, Lock *unlock) {
    CHECK(why == WAIT_FINALIZER);
    lock_release(unlock);
    longjmp(parked, 1);
}
bool in_image(uintptr_t addr) {
    return false;
}
bool memory_force(MemoryForce *f) {
    return false;
}
_Noreturn void rt_oom(size_t size) {
    rt_fatal("out of memory");
}
enum { NOTES = 4096 };
static uintptr_t shaded[NOTES], marked[NOTES], scanned[NOTES];
static int n_shaded, n_marked, n_scanned;
void gc_shade_slow(uintptr_t old) {
    shaded[n_shaded++ % NOTES] = old;
}
void gc_mark_word(P *p, uintptr_t word) {
    marked[n_marked++ % NOTES] = word;
}
void gc_scan_object(P *p, uintptr_t obj) {
    scanned[n_scanned++ % NOTES] = obj;
}
static bool among(const uintptr_t *v, int n, uintptr_t x) {
    for (int i = 0; i < n; i++)
        if (v[i] == x) return true;
    return false;
}
static void forget(void) {
    n_shaded = n_marked = n_scanned = 0;
}

// ---- the program's finalizers
static int ran[NOTES], n_ran;
static void run_one(void *obj, void *arg) {
    CHECK(arg == NULL || slot_of((uintptr_t)arg) == slot_of((uintptr_t)obj) + 1);
    ran[n_ran++ % NOTES] = slot_of((uintptr_t)obj);
}
static void run_plain(void *obj) {
    run_one(obj, NULL);
}
// Lets the finalizers' goroutine run until it parks.
static void run_queue(void) {
    stub_p(0)->g = &goroutine;
    if (setjmp(parked) == 0) goroutine_main(NULL);
}

static void set_marks(uint64_t bits) {
    store_relaxed(&span.mark[0], bits);
}

static void test_sweep_and_run(void) {
    set_finalizer(slot(3), run_plain);
    set_finalizer_arg(slot(1), run_one, slot(2));
    set_finalizer(slot(9), run_plain);
    CHECK_EQ(made, 1);
    CHECK_EQ(readied, 1);
    run_queue(); // nothing yet: parks
    CHECK_EQ(n_ran, 0);

    uint64_t objects, bytes;
    set_marks(1ull << 9);
    special_sweep(&span);
    CHECK_EQ(load_relaxed(&span.mark[0]), 1ull << 9 | 1ull << 3 | 1ull << 1); // kept
    special_kept(&objects, &bytes);
    CHECK_EQ(objects, 2);
    CHECK_EQ(bytes, 2 * SLOT);
    CHECK_EQ(readied, 2);
    special_sweep(&span); // all marked: nothing more
    CHECK_EQ(readied, 2);

    // Waiting to run: roots themselves. Hanging on its span: only what it reaches.
    forget();
    special_mark_begin();
    while (special_mark_some(stub_p(0))) {
    }
    CHECK(!special_mark_left());
    CHECK(among(marked, n_marked, (uintptr_t)slot(1)) && among(marked, n_marked, (uintptr_t)slot(2)) && among(marked, n_marked, (uintptr_t)slot(3)));
    CHECK(!among(marked, n_marked, (uintptr_t)slot(9)));
    CHECK(n_scanned == 1 && scanned[0] == (uintptr_t)slot(9));

    // Taken off the queue before marking has come to them: shaded.
    forget();
    store_relaxed(&gc.barrier, 1);
    special_mark_begin();
    run_queue();
    CHECK(n_ran == 2 && ran[0] == 1 && ran[1] == 3);
    CHECK(among(shaded, n_shaded, (uintptr_t)slot(1)) && among(shaded, n_shaded, (uintptr_t)slot(2)) && among(shaded, n_shaded, (uintptr_t)slot(3)));
    store_relaxed(&gc.barrier, 0);
    while (special_mark_some(stub_p(0))) {
    }
    CHECK(!among(marked, n_marked, (uintptr_t)slot(1)));
    set_finalizer(slot(9), NULL);
}

static void test_removed_while_marking(void) {
    for (int i = 0; i < 40; i += 2)
        set_finalizer_arg(slot(i), run_one, slot(i + 1));
    forget();
    store_relaxed(&gc.barrier, 1);
    special_mark_begin();
    // The newest come first: take away the very ones that come next, at the beginning and in the middle.
    set_finalizer(slot(38), NULL);
    CHECK(special_mark_some(stub_p(0)));
    int seen = n_scanned;
    CHECK(seen > 0 && seen < 19);
    for (int i = 36 - 2 * seen; i >= 36 - 2 * seen - 2; i -= 2)
        set_finalizer(slot(i), NULL);
    set_finalizer(slot(50), run_plain); // new ones are no business of this cycle
    while (special_mark_some(stub_p(0))) {
    }
    for (int i = 0; i < 40; i += 2) {
        bool removed = i == 38 || (i <= 36 - 2 * seen && i >= 36 - 2 * seen - 2);
        CHECK_EQ(among(scanned, n_scanned, (uintptr_t)slot(i)), !removed);
        CHECK_EQ(among(marked, n_marked, (uintptr_t)slot(i + 1)), !removed);
        CHECK_EQ(among(shaded, n_shaded, (uintptr_t)slot(i + 1)), removed);
    }
    CHECK_EQ(n_scanned, 17);
    CHECK(!among(scanned, n_scanned, (uintptr_t)slot(50)));
    store_relaxed(&gc.barrier, 0);
    for (int i = 0; i < SLOTS; i++)
        set_finalizer(slot(i), NULL);
}

static void test_wrong(void) {
    CHECK_THROWS("first argument is nil", set_finalizer(NULL, run_plain));
    CHECK_THROWS("pointer not in allocated block", set_finalizer(memory - 4096, run_plain));
    CHECK_THROWS("pointer not at beginning of allocated block", set_finalizer(memory + 8, run_plain));
    store_relaxed(&span.at, span.base + 10 * SLOT);
    CHECK_THROWS("pointer not in allocated block", set_finalizer(slot(20), run_plain)); // a free slot
    store_relaxed(&span.at, span.base + SLOTS * SLOT);
    set_finalizer(slot(5), run_plain);
    CHECK_THROWS("finalizer already set", set_finalizer(slot(5), run_plain));
    set_finalizer(slot(5), NULL);
}

// Several pointers into one slot, as in a tiny block: one sweep takes them all.
static void test_shared_slot(void) {
    span.kind = SPAN_NOSCAN, span.class_index = 0;
    n_ran = 0;
    set_finalizer((char *)slot(7) + 8, run_plain);
    set_finalizer(slot(7), run_plain);
    set_finalizer((char *)slot(7) + 4, run_plain);
    set_finalizer(slot(8), run_plain);
    set_marks(1ull << 8);
    special_sweep(&span);
    run_queue();
    CHECK_EQ(n_ran, 3);
    set_marks(0);
    special_sweep(&span);
    run_queue();
    CHECK_EQ(n_ran, 4);
    span.kind = SPAN_BITS, span.class_index = 3;
}

static void test_random(void) {
    bool has[SLOTS] = {false};
    uint64_t x = 88172645463325252ull;
    for (int step = 0; step < 200000; step++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        int i = (int)((x >> 20) % SLOTS);
        if (x % 100 < 60) {
            set_finalizer(slot(i), has[i] ? NULL : run_plain);
            has[i] = !has[i];
        } else if (x % 100 < 90) {
            special_mark_some(stub_p(0)); // between any two others
        } else if (x % 100 < 95) {
            special_mark_begin();
        } else {
            uint64_t marks = x * 0x9e3779b97f4a7c15ull, want = marks;
            n_ran = 0;
            set_marks(marks);
            special_sweep(&span);
            int expect = 0;
            for (int k = 0; k < SLOTS; k++)
                if (has[k] && !(marks >> k & 1)) want |= 1ull << k, expect++;
            CHECK_EQ(load_relaxed(&span.mark[0]), want);
            run_queue();
            CHECK_EQ(n_ran, expect);
            for (int k = 0; k < n_ran; k++) {
                CHECK(has[ran[k]] && !(marks >> ran[k] & 1) && (k == 0 || ran[k] > ran[k - 1]));
                has[ran[k]] = false;
            }
        }
        forget();
    }
    for (int i = 0; i < SLOTS; i++)
        if (has[i]) set_finalizer(slot(i), NULL);
    special_mark_begin();
    CHECK(!special_mark_left());
}

int main(void) {
    char *zone = stub_reserve(16 << 20);
    CHECK(rt_mem_add((uintptr_t)zone, (uintptr_t)zone + (16 << 20), 0));
    memory = (char *)stub_reserve(2 << 20) + 8192;
    span = (Span){.base = (uintptr_t)memory, .slot_bytes = SLOT, .slots = SLOTS, .magic = (uint32_t)((1ull << 32) / SLOT), .pages = 1,
                  .kind = SPAN_BITS, .class_index = 3, .at = (uintptr_t)memory + SLOTS * SLOT};
    RUN(test_sweep_and_run);
    RUN(test_removed_while_marking);
    RUN(test_wrong);
    RUN(test_shared_slot);
    RUN(test_random);
    return test_done();
}
