// units: rt/mark.c rt/work.c rt/scan.c rt/root.c rt/barrier.c rt/verify.c rt/timer.c rt/alloc.c rt/central.c rt/span.c rt/spanmap.c rt/sweep.c rt/sizeclass.c rt/fixed.c rt/stackseg.c rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// test_mark.c -- marking against a model: random graphs of real heap objects, roots of all kinds, changes while marking goes on in small steps on several
// cores, buffers running out. What was reachable at stop 1 is marked, nothing else is, and sweeping keeps just that.
#include "stub_plat.h"
#include "mark.h"
#include "root.h"
#include "sched.h"
#include "timer.h"
#include <pthread.h>
#include <unistd.h>

// ---- what is not linked in
Sched sched = {.nproc = 3, .ncpu = 3};
P *rt_ps[PLAT_MAX_CPUS];
uint32_t rt_fpu_bytes = 512;
uint32_t rt_fpu_mode = FPU_FXSAVE;
uint64_t rt_fpu_mask = 3;
static int times_stacks_done, times_stopped;
void gc_enlist(void) {}
void traceback_one(G *g) {}
bool traceback_by_frames(void) { return true; } // no Go
void gc_stacks_done(void) {
    if (exchange(&gc.stacks_pending, 0)) times_stacks_done++;
}
void stop_here(P *p) {
    times_stopped++;
    store_seq(&sched.stop_wanted, 0);
}
void special_mark_begin(void) {}
bool special_mark_left(void) { return false; }
bool special_mark_some(P *p) { return false; }
void special_sweep(Span *s) {}
void gc_allocated(uint64_t bytes) {}
bool gc_force(void) { return false; }
void sched_timer_changed(P *p) {}
int64_t plat_now_ns(void) { return 0; }
typedef struct Timer Timer;
static P *core(int i) { return rt_ps[i]; }

// ---- objects and the model

#define OBJECTS 1500
typedef struct Object {
    uintptr_t base;
    size_t bytes;    // of its slot
    uint32_t edges;  // words that may hold pointers
    uint32_t stride; // in words, from one to the next
    bool reachable, gone, fresh;
} Object;
static Object objects[2 * OBJECTS + 5000]; // the second half: made while marking
static int object_count, sorted; // the first `sorted` by address

static const uint8_t two_bits[] = {5}, sparse_bits[16] = {[0] = 1, [15] = 128}, one_bit[] = {1};
static const Type type_two = {.size = 64, .ptrdata = 24, .gcdata = two_bits};                   // words 0, 2
static const Type type_sparse = {.size = 1024, .ptrdata = 1024, .gcdata = sparse_bits};         // words 0, 127
static const Type type_pointer = {.size = 8, .ptrdata = 8, .gcdata = one_bit};                  // arrays: every word
static const Type type_odd = {.size = 24, .ptrdata = 8, .gcdata = one_bit};                     // every third
static const uint8_t many_bits[] = {[0 ... 46] = 255};
static const Type type_wide = {.size = 3000, .ptrdata = 3000, .gcdata = many_bits}; // every word
static const Type type_program = {.size = 40000, .ptrdata = 40000, .kind = KIND_GCPROG, .gcdata = NULL};
static const Type type_timer = {.size = sizeof(Timer), .ptrdata = 40, .gcdata = (const uint8_t[]){1 << 4}};

static const struct Shape {
    size_t bytes;
    const Type *type;
    uint32_t edges, stride;
} shapes[] = {
    {64, &type_two, 2, 2},    {80, &type_pointer, 10, 1},          {16, &type_pointer, 2, 1},    {1024, &type_sparse, 2, 127},
    {512, &type_pointer, 64, 1}, {240, &type_odd, 10, 3},     {40, NULL, 0, 0},             {5000, NULL, 0, 0},
    {12000, &type_odd, 500, 3}, {300000, &type_odd, 12500, 3}, {1000000, NULL, 0, 0},       {40000, &type_program, 5000, 1},
    {300000, &type_pointer, 37500, 1},                        {300000, &type_wide, 37500, 1},
};

static uintptr_t *edge(const Object *o, uint32_t i) { return (uintptr_t *)o->base + (size_t)i * o->stride; }

static Object *make(bool fresh) {
    size_t n = sizeof shapes / sizeof shapes[0];
    const struct Shape *s = &shapes[test_below(8) ? test_below(7) : test_below(n)];
    Object *o = &objects[object_count++];
    void *p = heap_alloc(s->bytes, s->type, 0);
    HeapObject found;
    CHECK(heap_find((uintptr_t)p, &found));
    *o = (Object){found.base, found.bytes, s->edges, s->stride, false, false, fresh};
    return o;
}

// A word that leads into o, or not quite.
static uintptr_t word_to(const Object *o) {
    uint64_t r = test_below(8);
    if (r == 0) return o->base + test_below(o->bytes);
    if (r == 1) return o->base + o->bytes; // one past
    return o->base;
}

static Object *make(bool fresh);
static Object *any(void) { return &objects[test_below((uint64_t)object_count)]; }
static Object *any_held(void) { // that a running program may have in its hands
    for (;;) {
        Object *o = any();
        if (o->reachable || o->fresh) return o;
        if (test_below(100) == 0) return make(true);
    }
}

static uintptr_t junk(void) {
    switch (test_below(4)) {
    case 0: return test_below(10000);
    case 1: return test_rand();
    case 2: return span_map.base + test_below(span_map.bytes);
    default: return (uintptr_t)&objects;
    }
}

static Object *todo[2 * OBJECTS + 5000];
static int todo_n;
static int by_base(const void *a, const void *b) {
    const Object *x = a, *y = b;
    return x->base < y->base ? -1 : x->base > y->base;
}
static Object *containing(uintptr_t word) {
    int lo = 0, hi = sorted;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (objects[mid].base <= word) lo = mid + 1;
        else hi = mid;
    }
    return lo > 0 && word - objects[lo - 1].base < objects[lo - 1].bytes ? &objects[lo - 1] : NULL;
}
static void reach(uintptr_t word, bool conservative) {
    Object *found[2] = {containing(word), conservative ? containing(word - 1) : NULL};
    for (int i = 0; i < 2; i++) {
        Object *o = found[i];
        if (!o || o->reachable || (i == 1 && o->base + o->bytes != word)) continue;
        o->reachable = true;
        todo[todo_n++] = o;
    }
}
static void reach_all(void) {
    while (todo_n > 0) {
        const Object *o = todo[--todo_n];
        for (uint32_t i = 0; i < o->edges; i++)
            reach(*edge(o, i), false);
    }
}

// ---- goroutines, as far as marking sees them

#define GS 12
#define SEG_WORDS 16000u
static G gs[GS];
static uintptr_t *stack_words[GS][2]; // older, newer segment
static size_t seg_words[GS][2];
static Ctx *ctxs[GS];

G *g_first(void) { return &gs[0]; }
void g_for_each(void (*fn)(G *g, void *arg), void *arg) {
    for (int i = 0; i < GS; i++)
        fn(&gs[i], arg);
}

static StackSeg *segment(uintptr_t **words, size_t *n, StackSeg *older) {
    *n = test_below(3) ? 200 : SEG_WORDS; // the large ones take several pieces
    *words = calloc(1, *n * 8 + sizeof(StackSeg));
    StackSeg *s = (StackSeg *)(*words + *n);
    *s = (StackSeg){.older = older, .base = (uintptr_t)*words, .bytes = *n * 8 + sizeof *s};
    return s;
}

static void make_goroutines(void) {
    for (int i = 0; i < GS; i++) {
        G *g = &gs[i];
        *g = (G){.id = (uint64_t)i + 1};
        if (i + 1 < GS) store_relaxed(&g->all_next, &gs[i + 1]);
        store_relaxed(&g->state, i % 5 == 4 ? G_DEAD : i % 2 ? G_WAITING : G_RUNNABLE);
        StackSeg *older = segment(&stack_words[i][0], &seg_words[i][0], NULL);
        g->seg = segment(&stack_words[i][1], &seg_words[i][1], older);
        g->seg->older = older;
        older->live = older->base + 8 * test_below(seg_words[i][0]);
        g->sp = g->seg->base + 8 * test_below(seg_words[i][1]);
        ctxs[i] = aligned_alloc(64, sizeof(Ctx) + rt_fpu_bytes);
        memset(ctxs[i], 0, sizeof(Ctx) + rt_fpu_bytes);
        if (i % 3 == 0) {
            g->ctx = ctxs[i];
            g->ctx->tf.rsp = g->sp;
            g->ctx->tf.r12 = any()->base;
            ((uintptr_t *)g->ctx->fpu)[test_below(rt_fpu_bytes / 8)] = any()->base;
        }
        for (int k = 0; k < 2; k++)
            for (int n = 0; n < 6; n++)
                stack_words[i][k][test_below(seg_words[i][k])] = test_below(3) ? word_to(any()) : junk();
    }
}
static void free_goroutines(void) {
    for (int i = 0; i < GS; i++) {
        free(stack_words[i][0]);
        free(stack_words[i][1]);
        free(ctxs[i]);
    }
}

static void reach_range(uintptr_t lo, uintptr_t hi) {
    for (uintptr_t *w = (uintptr_t *)lo; w + 1 <= (uintptr_t *)hi; w++)
        reach(*w, true);
}
static void reach_goroutines(void) {
    for (int i = 0; i < GS; i++) {
        const G *g = &gs[i];
        if (load_relaxed(&g->state) == G_DEAD) continue;
        uintptr_t sp = g->ctx ? g->sp - 128 : g->sp;
        reach_range(sp < g->seg->base ? g->seg->base : sp, (uintptr_t)g->seg);
        reach_range(g->seg->older->live, (uintptr_t)g->seg->older);
        if (g->ctx) reach_range((uintptr_t)g->ctx, (uintptr_t)g->ctx->fpu + rt_fpu_bytes);
    }
}

// ---- timers in the heap, on any core

#define TIMERS 5000
static struct {
    Timer *t;
    bool held; // by the program
} armed[TIMERS];
static void make_timers(void) {
    for (int i = 0; i < TIMERS; i++) {
        Object *o = &objects[object_count++];
        Timer *t = heap_alloc(sizeof(Timer), &type_timer, 0);
        HeapObject found;
        heap_find((uintptr_t)t, &found);
        *o = (Object){found.base, found.bytes, 0, 0, false, false, false};
        armed[i].t = t;
        armed[i].held = true;
    }
}
static void arm_some(int n) {
    while (n-- > 0) {
        uint64_t i = test_below(TIMERS);
        Timer *t = armed[i].t;
        if (!armed[i].held) continue;
        stub_set_p(core(test_below(8) ? 0 : (int)test_below(3)));
        if (test_below(2)) timer_arm(t, (int64_t)test_below(1000), 0);
        else timer_disarm(t);
    }
}
static void reach_timers(void) {
    for (int i = 0; i < 3; i++)
        for (uint32_t k = 0; k < core(i)->timers.n; k++)
            reach((uintptr_t)core(i)->timers.v[k], false);
}

// ---- variables with barriers, of three packages; the second has none

#define VAR_WORDS 3000u // several pieces
static uintptr_t small_vars[4], large_var[VAR_WORDS], last_var[2];
static struct {
    VarList list;
    VarRoot roots[4];
} packages[3] = {
    {.list = {.n = 4}, .roots = {{&small_vars[0], 8, 8}, {large_var, sizeof large_var, 8 * (VAR_WORDS - 10)}, {&small_vars[1], 8, 0}, {&small_vars[2], 16, 16}}},
    {.list = {.n = 0}},
    {.list = {.n = 1}, .roots = {{last_var, 16, 16}}},
};
static uintptr_t *any_var(void) {
    switch (test_below(3)) {
    case 0: return &small_vars[test_below(3) ? 2 + test_below(2) : 0]; // 1 is no pointer
    case 1: return &last_var[test_below(2)];
    default: return &large_var[test_below(VAR_WORDS - 10)];
    }
}
static void add_vars(void) {
    for (int i = 0; i < 6; i++)
        root_vars_add(&packages[i % 3].list); // the second time without effect
    CHECK_EQ(gc_globals_bytes(), 8 + 8 * (VAR_WORDS - 10) + 16 + 16);
}
static void reach_vars(void) {
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < packages[i].list.n; k++)
            for (size_t w = 0; w < packages[i].roots[k].ptrdata / 8; w++)
                reach(((uintptr_t *)packages[i].roots[k].at)[w], false);
}
static void clear_vars(void) {
    memset(small_vars, 0, sizeof small_vars);
    memset(large_var, 0, sizeof large_var);
    memset(last_var, 0, sizeof last_var);
}

// ---- one cycle

// Around the places where an object is cut for several cores.
static bool near_border(const Object *o, uint32_t k) {
    size_t in = (size_t)k * o->stride * 8 % OBLET_BYTES;
    return o->bytes > OBLET_BYTES && (in < 64 || in >= OBLET_BYTES - 64) && test_below(2);
}

static void build(int n) {
    object_count = 0;
    for (int i = 0; i < n; i++) {
        stub_set_p(core((int)test_below(3)));
        make(false);
    }
    make_timers();
    for (int i = 0; i < object_count; i++) {
        Object *o = &objects[i];
        for (uint32_t k = 0; k < o->edges; k++)
            if (test_below(o->edges) < 2 || near_border(o, k)) *edge(o, k) = test_below(10) ? any()->base + (test_below(4) ? 0 : test_below(16)) : junk();
        if (o->edges && i > 0 && i < n / 2) *edge(o, test_below(o->edges)) = objects[i - 1].base; // and something deep
    }
    arm_some(TIMERS);
    make_goroutines();
    for (int i = 0; i < 40; i++)
        *any_var() = test_below(4) ? word_to(any()) : junk();
    small_vars[1] = large_var[VAR_WORDS - 1] = any()->base; // looks like one
}

static uint64_t pending(void) { return load_relaxed(&gc.stacks_pending); }

// What a running program does; the goroutine has been scanned.
static void mutate(void) {
    stub_set_p(core((int)test_below(3)));
    Object *o = any_held();
    if (o->edges && !o->fresh) { // what it overwrites is shaded
        uintptr_t *w = edge(o, (uint32_t)test_below(o->edges));
        gc_shade((void *)*w);
        *w = any_held()->base;
    }
    if (test_below(4) == 0) { // as are variables
        uintptr_t *w = any_var();
        gc_shade((void *)*w);
        *w = any_held()->base;
    }
    if (test_below(10) == 0) arm_some(100);
    if (test_below(10) == 0) {
        int i = (int)test_below(GS);
        if (load_relaxed(&gs[i].state) != G_RUNNABLE) return;
        if (pending()) gc_scan_before_run(p_self(), &gs[i]);
        CHECK(!pending() || load_relaxed(&gs[i].gc_scan) == 2 * gc.cycle);
        stack_words[i][1][test_below(seg_words[i][1])] = 0; // it runs, and forgets
        stack_words[i][0][test_below(seg_words[i][0])] = any_held()->base;
    }
    if (test_below(10) == 0 && object_count < TIMERS + 2 * OBJECTS - 500) make(true);
    if (test_below(30) == 0) store_seq(&sched.stop_wanted, 1);
}

static bool a_few(P *p) {
    static int n;
    return ++n % 3 == 0;
}

// Roots may be more than was asked for, by a piece of a stack and a bit; then nothing else is done.
static void drain(P *p, uint64_t budget, bool (*enough)(P *p)) {
    uint64_t done = gc_drain(p, budget, enough);
    if (work_limit == UINT32_MAX) CHECK(done <= budget + (32 << 10) + (8 << 10) + 2 * OBLET_BYTES);
}

static void *drain_alone(void *p) {
    stub_set_p(p);
    for (int idle = 0; idle < 100;) {
        if (gc_drain(p, 4096, NULL) == 0) idle++;
        if (idle) plat_spin(63);
    }
    gc_work_flush(p);
    return NULL;
}

static void check_marks(void) {
    uint64_t marked = 0, bytes = 0, n, b;
    for (int i = 0; i < object_count; i++) {
        const Object *o = &objects[i];
        const Span *s = span_of(o->base);
        bool mark = span_bit(s->mark, span_slot(s, o->base));
        CHECK_EQ(mark, o->reachable || o->fresh);
        if (mark && !o->fresh) marked++, bytes += o->bytes;
    }
    gc_marked(&n, &b);
    CHECK_EQ(n, marked);
    CHECK_EQ(b, bytes);
}

static void check_free_slot(Span *s, void *unused) {
    for (uint32_t i = 0; i < s->slots; i++)
        if (!s->cached && !span_is_object(s, i)) CHECK(!span_bit(s->mark, i));
}

static void begin(void) {
    for (int i = 0; i < object_count; i++)
        objects[i].reachable = false;
    qsort(objects, (size_t)object_count, sizeof objects[0], by_base);
    sorted = object_count;
    reach_goroutines();
    reach_timers();
    reach_vars();
    reach_all();
    for (int i = 0; i < TIMERS; i++)
        armed[i].held = armed[i].held && containing((uintptr_t)armed[i].t)->reachable;
    stub_set_p(core(0));
    gc.cycle++;
    gc_mark_begin();
    store_relaxed(&gc.stacks_pending, 1);
    store_relaxed(&gc.phase, GC_MARK);
    store_relaxed(&gc.barrier, 1);
    for (int i = 0; i < 3; i++) {
        stub_set_p(core(i));
        heap_cache_black(core(i));
    }
}

static void sweep(void) {
    store_relaxed(&gc.phase, GC_OFF);
    store_relaxed(&gc.barrier, 0);
    heap_sweep_begin();
    for (int i = 0; i < 3; i++) {
        stub_set_p(core(i));
        heap_cache_flush(core(i));
    }
    while (heap_sweep_step(100))
        continue;
    CHECK(heap_sweep_done());
    HeapObject found;
    for (int i = 0; i < object_count; i++) {
        Object *o = &objects[i];
        o->gone = !o->reachable && !o->fresh;
        CHECK_EQ(heap_find(o->base, &found), !o->gone);
    }
}

static void finish(void) {
    stub_set_p(core(0));
    int stops = 1;
    while (!gc_mark_finish(test_below(3) ? 2000 : 0)) {
        int i = 1 + (++stops % 2);
        stub_set_p(core(i));
        drain(core(i), 10000, i == 1 ? a_few : NULL);
        stub_set_p(core(0));
    }
    CHECK_EQ(pending(), 0);
    CHECK(!gc_work_exists());
    gc_verify();
    check_marks();
    heap_for_each_span(check_free_slot, NULL);
}

// Frees everything.
static void clear(void) {
    for (int i = 0; i < 3; i++)
        while (core(i)->timers.n)
            timer_disarm(core(i)->timers.v[0]);
    for (int i = 0; i < GS; i++)
        store_relaxed(&gs[i].state, G_DEAD);
    clear_vars();
    begin();
    finish();
    sweep();
    uint64_t n, b;
    heap_in_use(&n, &b);
    CHECK_EQ(n, 0);
    free_goroutines();
}

static void cycle(int n, bool changes, bool threads) {
    build(n);
    for (int again = 0; again < 2; again++) { // the second time with free slots among the objects, and words that lead there
        begin();
        int done = times_stacks_done;
        pthread_t t[2];
        if (threads)
            for (int i = 0; i < 2; i++)
                pthread_create(&t[i], NULL, drain_alone, core(i + 1));
        for (int step = (int)test_below(300); !threads && step > 0; step--) {
            if (changes)
                for (int k = 0; k < 5; k++)
                    mutate();
            int i = (int)test_below(3);
            stub_set_p(core(i));
            drain(core(i), test_below(5000) + 1, test_below(2) ? a_few : NULL);
        }
        for (int k = 0; changes && k < 30; k++)
            mutate();
        if (threads) {
            drain_alone(core(0));
            for (int i = 0; i < 2; i++)
                pthread_join(t[i], NULL);
        }
        finish();
        CHECK_EQ(times_stacks_done, done + 1);
        sweep();
        int kept = 0;
        for (int i = 0; i < object_count; i++)
            if (!objects[i].gone) {
                objects[kept] = objects[i];
                objects[kept++].fresh = false;
            }
        object_count = kept;
        if (changes) { // new objects of a second half
            for (int i = 0; i < 50; i++)
                make(false);
        }
    }
    clear();
}

static bool marked(uintptr_t obj) {
    const Span *s = span_of(obj);
    return span_bit(s->mark, span_slot(s, obj));
}

// The last of two buffers gets full in the middle of an object.
static void one_too_many(void) {
    static uintptr_t nothing[1];
    const Grey dull = {(uintptr_t)nothing, 1};
    object_count = 0;
    uintptr_t *wide = heap_alloc(512, &type_pointer, 0);
    for (int i = 0; i < 64; i++)
        wide[i] = (uintptr_t)heap_alloc(64, &type_two, 0);
    begin();
    P *p = core(0);
    stub_set_p(p);
    for (unsigned i = 0; i < 2 * WORKBUF_SLOTS - 1; i++)
        CHECK(work_push(&p->gc, dull));
    p->gc.spare->n--; // room for one
    gc_mark_word(p, (uintptr_t)wide);
    CHECK_EQ(p->gc.full->n, WORKBUF_SLOTS);
    scan_grey(&p->gc, 1 << 20);
    while (!gc_mark_finish(1 << 20))
        continue;
    for (int i = 0; i < 64; i++)
        CHECK(marked(wide[i]));
    sweep();
}

static void test_no_buffers(void) {
    static const uint32_t limits[] = {0, 1, 3};
    for (int i = 0; i < 3; i++) {
        if (i == 2) { // buffers that were made stay, so the scarcest first
            work_limit = 2;
            one_too_many();
        }
        work_limit = limits[i];
        cycle(300, true, false);
    }
    work_limit = UINT32_MAX;
}
static void test_quiet(void) { cycle(OBJECTS - 100, false, false); }
static void test_changes(void) {
    for (int i = 0; i < 10; i++)
        cycle(OBJECTS / 2, true, false);
    CHECK(times_stopped > 0);
}
static void test_threads(void) {
    for (int i = 0; i < 5; i++)
        cycle(OBJECTS - 100, false, true);
}

// What another core has shaded last is found with the world stopped.
static void test_last_shade(void) {
    build(300);
    begin();
    for (int i = 0; i < 3; i++) {
        stub_set_p(core(i));
        gc_drain(core(i), 0, NULL);
    }
    Object *o = any();
    while (o->reachable)
        o = any();
    stub_set_p(core(1));
    gc_shade((void *)o->base);
    reach(o->base, false);
    reach_all();
    finish();
    sweep();
    int kept = 0;
    for (int i = 0; i < object_count; i++)
        if (!objects[i].gone) objects[kept++] = objects[i];
    object_count = kept;
    clear();
}

// A lost object is found by the verifier.
static void test_verify(void) {
    build(50);
    for (int i = 0; i < 3; i++)
        while (core(i)->timers.n)
            timer_disarm(core(i)->timers.v[0]);
    for (int i = 0; i < GS; i++)
        store_relaxed(&gs[i].state, i == 3 ? G_WAITING : G_DEAD);
    clear_vars();
    gs[3].ctx = NULL;
    gs[3].sp = gs[3].seg->base;
    for (int k = 0; k < 2; k++)
        memset(stack_words[3][k], 0, seg_words[3][k] * 8);
    begin();
    while (!gc_mark_finish(1 << 20))
        continue;
    gc_verify();
    do {
        stack_words[3][1][7] = any()->base; // as if nobody had looked there
    } while ((stack_words[3][1][7] & 255) == 0);
    CHECK_THROWS("lost an object", gc_verify());
    stack_words[3][1][7] = 0;
    for (int i = 0; i < object_count; i++)
        objects[i].reachable = false;
    sweep();
    free_goroutines();
}

int main(void) {
    char *mem = stub_reserve(256ul << 20);
    CHECK(rt_mem_add((uintptr_t)mem, (uintptr_t)mem + (256ul << 20), 0));
    for (int i = 0; i < 3; i++) {
        rt_ps[i] = stub_p(i);
        lock_init(&rt_ps[i]->timers_lock, RANK_TIMERS);
        store_relaxed(&rt_ps[i]->timer_next, TIME_NEVER);
    }
    add_vars();
    RUN(test_no_buffers);
    RUN(test_quiet);
    RUN(test_changes);
    RUN(test_threads);
    RUN(test_last_shade);
    RUN(test_verify);
    return test_done();
}
