// units: rt/runq.c tests/unit/stub_plat.c
// test_runq.c -- run queues against plain arrays: one thread that plays three cores, every operation compared with the model; then
// an owner and thieves on threads of their own: nothing is lost, nothing comes twice, each taker sees a queue in order.
#include "stub_plat.h"
#include "runq.h"
#include <pthread.h>

Sched sched;
void page_free(void *page, size_t n) { abort(); } // stub_plat.c's mappings: none here

// ---- one thread

enum { CORES = 3, POOL = 4000, STEPS = 300000 };
static G pool[POOL];
static G *idle[POOL]; // in no queue
static int idle_n;

// What runq.c gives to the global queue when the ring is full.
static G *spilled[POOL];
static int spilled_n;
static void (*on_spill)(G *g);
void sched_put_global_batch(GList *batch) {
    size_t n = 0;
    for (G *g; (g = glist_pop(batch)); n++)
        on_spill(g);
    test_checks++;
    if (n == RUNQ_BATCH && batch->n == 0) return;
    test_failed(__FILE__, __LINE__);
    fprintf(stderr, "expected a batch of %u goroutines, got %zu and %zu left", RUNQ_BATCH, n, batch->n);
    test_fail_end();
}

// The model of a core's queue: oldest first, and the slot in front of it.
static struct Model {
    G *ring[RUNQ_SIZE + 1];
    unsigned n;
    G *next;
    bool spent;
    uint32_t inherited;
    int32_t until_global;
} model[CORES];
static G *model_spilled[POOL];
static int model_spilled_n;

static void model_drop(struct Model *m, unsigned n) {
    m->n -= n;
    memmove(m->ring, m->ring + n, m->n * sizeof m->ring[0]);
}
static void model_put(struct Model *m, G *g) {
    if (m->n == RUNQ_SIZE) {
        for (unsigned i = 0; i < RUNQ_BATCH; i++)
            model_spilled[model_spilled_n++] = m->ring[i];
        model_drop(m, RUNQ_BATCH);
    }
    m->ring[m->n++] = g;
}
static G *model_get_ring(struct Model *m) {
    if (m->n == 0) return NULL;
    G *g = m->ring[0];
    model_drop(m, 1);
    return g;
}
static G *model_get(struct Model *m) {
    G *g = m->next;
    if (!g) return model_get_ring(m);
    m->next = NULL;
    if (g->ctx) return g;
    m->inherited++;
    m->until_global++;
    return g;
}
static G *model_get_in_turn(struct Model *m) {
    if (!m->spent) return model_get(m);
    m->spent = false;
    G *g = model_get_ring(m);
    if (g) return g;
    m->until_global = 1;
    g = m->next;
    m->next = NULL;
    return g;
}
// m's own ring is empty.
static G *model_steal(struct Model *m, struct Model *victim, bool next_too) {
    unsigned n = victim->n - victim->n / 2;
    if (n > RUNQ_BATCH) n = RUNQ_BATCH;
    if (n == 0) {
        G *g = next_too ? victim->next : NULL;
        if (g) victim->next = NULL;
        return g;
    }
    memcpy(m->ring, victim->ring, (n - 1) * sizeof m->ring[0]);
    m->n = n - 1;
    G *g = victim->ring[n - 1];
    model_drop(victim, n);
    return g;
}

static void note_spilled(G *g) { spilled[spilled_n++] = g; }

static void compare(int core) {
    const P *p = stub_p(core);
    const RunQ *q = &p->runq;
    const struct Model *m = &model[core];
    uint32_t head = load_relaxed(&q->head), n = load_relaxed(&q->tail) - head;
    CHECK_EQ(n, m->n);
    for (unsigned i = 0; i < n && i < m->n; i++)
        if (load_relaxed(&q->slot[(head + i) % RUNQ_SIZE]) != m->ring[i]) CHECK_EQ(i, -1); // place of the first difference
    CHECK_PTR(load_relaxed(&q->runnext), m->next);
    CHECK_EQ(runq_length(p), m->n + (m->next != NULL));
    CHECK_EQ(runq_empty(p), m->n == 0 && !m->next);
    CHECK_EQ(p->inherited, m->inherited);
    CHECK_EQ(p->until_global, m->until_global);
    CHECK_EQ(p->slice_spent, m->spent);
}

static void give_back(G *g) {
    g->ctx = NULL;
    idle[idle_n++] = g;
}

static G *some_idle(void) {
    uint64_t i = test_below((uint64_t)idle_n);
    G *g = idle[i];
    idle[i] = idle[--idle_n];
    return g;
}

static unsigned long rotated;
static void step(int core, unsigned filling) {
    P *p = stub_p(core);
    struct Model *m = &model[core];
    static Ctx *const some_ctx = (Ctx *)pool; // only compared with NULL
    G *got = NULL, *want = NULL;
    stub_set_p(p);
    uint64_t kind = test_below(8);
    if (kind < filling && idle_n > 0) {
        G *g = some_idle();
        if (test_below(4) == 0) {
            if (test_below(3) == 0) g->ctx = some_ctx; // preempted, put back to the front
            runq_put_next(p, g);
            if (m->next) model_put(m, m->next);
            m->next = g;
        } else {
            runq_put(p, g);
            model_put(m, g);
        }
    } else if (kind < 6 && idle_n > 0 && test_below(8) == 0) {
        G *g = some_idle();
        if (runq_rotate(p, g, &got)) {
            CHECK(m->n > 0 && m->n < RUNQ_SIZE);
            model_put(m, g);
            want = model_get_ring(m);
            rotated++;
        } else {
            CHECK(m->n == 0 || m->n == RUNQ_SIZE);
            give_back(g);
        }
    } else if (kind < 6) {
        if (test_below(16) == 0) p->slice_spent = m->spent = true; // as the tick at a slice's end
        if (test_below(2)) got = runq_get(p), want = model_get(m);
        else got = runq_get_in_turn(p), want = model_get_in_turn(m);
    } else {
        int victim = (core + 1 + (int)test_below(CORES - 1)) % CORES;
        bool next_too = test_below(2);
        if (m->n > 0) return; // only a core without work steals
        got = runq_steal(p, stub_p(victim), next_too);
        want = model_steal(m, &model[victim], next_too);
        compare(victim);
    }
    CHECK_PTR(got, want);
    if (got) give_back(got);
    compare(core);
    CHECK_EQ(spilled_n, model_spilled_n);
    for (int i = 0; i < spilled_n; i++) {
        CHECK_PTR(spilled[i], model_spilled[i]);
        give_back(spilled[i]);
    }
    spilled_n = model_spilled_n = 0;
}

static void test_model(void) {
    on_spill = note_spilled;
    for (int i = 0; i < POOL; i++)
        idle[idle_n++] = &pool[i];
    for (int core = 0; core < CORES; core++) { // counters that wrap soon
        uint32_t start = (uint32_t)(0 - test_below(2000));
        store_relaxed(&stub_p(core)->runq.head, start);
        store_relaxed(&stub_p(core)->runq.tail, start);
        compare(core);
    }
    unsigned long full = 0, empty = 0;
    for (int i = 0; i < STEPS; i++) {
        unsigned filling = i / 10000 % 4 < 2 ? 5 : 2; // the queues fill up and spill for a while, then run empty
        int core = (int)test_below(CORES);
        step(core, filling);
        full += model[core].n == RUNQ_SIZE;
        empty += model[core].n == 0;
    }
    CHECK(full > 20);
    CHECK(empty > 1000);
    CHECK(rotated > 1000); // all were met
    stub_set_p(stub_p(0));
}

// ---- threads. One owner adds what has a rising number, thieves take from it and run what they took.

enum { THIEVES = 3, ROUNDS = 4, BATCH = 25000 };
static G *work;                 // BATCH of them
static _Atomic uint32_t *taken; // how often each was run
static _Atomic uint32_t ended;
static bool fronts; // the owner uses runnext, too
static _Atomic unsigned long lost_order, steals;

static void take(G *g) { fetch_add(&taken[g->id], 1); }

static void *thief(void *arg) {
    P *p = stub_p(1 + (int)(intptr_t)arg), *owner = stub_p(0);
    stub_set_p(p);
    int64_t newest = -1;
    for (;;) {
        bool last = load_seq(&ended);
        G *g = runq_steal(p, owner, true);
        if (!g && last && runq_empty(owner)) return NULL;
        if (!g) continue;
        fetch_add(&steals, 1);
        // A batch: g is its youngest, the older ones are in our ring; all are younger than the batch before.
        int64_t youngest = (int64_t)g->id, previous = newest;
        take(g);
        for (G *older; (older = runq_get(p));) {
            if (!fronts && ((int64_t)older->id <= previous || (int64_t)older->id >= youngest)) fetch_add(&lost_order, 1);
            previous = (int64_t)older->id;
            take(older);
        }
        if (!fronts && youngest <= previous) fetch_add(&lost_order, 1);
        newest = youngest;
    }
}

static int64_t owner_newest;
static void own(G *g) {
    if (!fronts && (int64_t)g->id <= owner_newest) fetch_add(&lost_order, 1);
    owner_newest = (int64_t)g->id;
    take(g);
}

static void owner_run(void) {
    P *p = stub_p(0);
    stub_set_p(p);
    owner_newest = -1;
    uint64_t put = test_below(3); // some rounds spill, some are mostly empty
    for (uint64_t i = 0; i < BATCH;) {
        if (test_below(4) <= put) {
            G *g = &work[i];
            g->id = i++;
            G *oldest;
            if (fronts && test_below(2)) runq_put_next(p, g);
            else if (test_below(2) == 0 || !runq_rotate(p, g, &oldest)) runq_put(p, g);
            else if (oldest) own(oldest);
        } else {
            G *g = runq_get(p);
            if (g) own(g);
        }
    }
    for (G *g; test_below(50) && (g = runq_get(p));)
        own(g);
    store_seq(&ended, 1); // the rest is for the thieves
}

static void threads_round(void) {
    pthread_t t[THIEVES];
    memset(work, 0, BATCH * sizeof *work);
    memset((void *)taken, 0, BATCH * sizeof *taken);
    on_spill = own;
    store_seq(&ended, 0);
    for (intptr_t i = 0; i < THIEVES; i++)
        pthread_create(&t[i], NULL, thief, (void *)i);
    owner_run();
    for (int i = 0; i < THIEVES; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < BATCH; i++)
        if (load_relaxed(&taken[i]) != 1) CHECK_EQ(load_relaxed(&taken[i]), 1);
    for (int i = 0; i <= THIEVES; i++)
        CHECK(runq_empty(stub_p(i)));
    CHECK_EQ(load_relaxed(&lost_order), 0);
}

static void test_threads(void) {
    for (int i = 0; i <= THIEVES; i++)
        memset(stub_p(i), 0, sizeof(P)), stub_p(i)->self = stub_p(i), stub_p(i)->id = (uint32_t)i;
    work = malloc(BATCH * sizeof *work);
    taken = malloc(BATCH * sizeof *taken);
    for (int i = 0; i < ROUNDS; i++) {
        fronts = i % 2;
        threads_round();
    }
    CHECK(load_relaxed(&steals) > 0);
    free(work);
    free((void *)taken);
}

int main(void) {
    RUN(test_model);
    RUN(test_threads);
    return test_done();
}
