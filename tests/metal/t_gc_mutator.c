// t_gc_mutator.c -- random goroutines against the collector: each builds, rewires and drops a graph of its own and knows from a shadow
// model, which holds no pointers, what every object must contain; trees are handed from goroutine to goroutine in every way there is.
//
//     t_gc_mutator [seed] [operations of each goroutine] [goroutines, 0: 3 for each core] [percent for the collector]
//                  [microseconds between two collections]
//
// The graph: an object of the graph has 2 to 4000 edges, of which the model knows up to 8, and perhaps a block of bytes. Roots of it are cells of one
// heap object, a global variable, locals, a map and a slice. Wherever the graph is walked, the model is walked beside it, and each object met must carry the
// number that the model has for it, its checksum, its bytes. When the model's slots are used up, what it cannot reach is forgotten there, and
// is garbage in the heap.
//
// The trees: a Parcel's numbers follow from its root's; whoever receives one checks all of it and either passes it on or overwrites
// it. They travel in channels (direct hand-off, buffers, select), in cells of a shared object under a lock, in atomic pointers, as goroutines' arguments, in
// timers, and as panic values. An object that is freed too early is soon another one, and either bearer finds a wrong number.
//
// One more goroutine keeps the collector busy. At the end all is dropped, and what is then left in the heap must be little.
//
// args: 1 15000
// smp: 1 2 4 8
// timeout: 240
#include "gc_parcels.h"

// ---- making and forgetting
static void mark(Shadow *m, int s, int32_t *stack) {
    int n = 0;
    if (s == NONE || m->slot[s].seen) return;
    m->slot[s].seen = true;
    stack[n++] = (int32_t)s;
    while (n > 0) {
        const Slot *o = &m->slot[stack[--n]];
        for (int k = 0; k < model_edges(o->n); k++) {
            int to = o->edge[k];
            if (to == NONE || m->slot[to].seen) continue;
            m->slot[to].seen = true;
            stack[n++] = (int32_t)to;
        }
    }
}
// The model's own collection: slots that nothing reaches are free again.
static void forget(World *w) {
    Shadow *m = w->model;
    int32_t *stack = make_array(i32, SLOTS);
    for (int i = 0; i < SLOTS; i++)
        m->slot[i].seen = false;
    for (int i = 0; i < ROOTS; i++)
        mark(m, m->root[i], stack);
    for (int i = 0; i < HELD; i++)
        mark(m, m->held[i], stack);
    for (int i = 0; i < KEYS; i++)
        mark(m, m->keyed[i], stack);
    for (int i = 0; i < m->n_stacked; i++)
        mark(m, m->stacked[i], stack);
    mark(m, m->global, stack);
    m->n_free = 0;
    for (int i = 0; i < SLOTS; i++) {
        if (!m->slot[i].seen) m->slot[i].used = false;
        if (!m->slot[i].used) m->free[m->n_free++] = (int32_t)i;
    }
}

// A new object; NONE in *slot and NULL when the model is full.
static Node *make(World *w, int *slot) {
    static const uint32_t sizes[] = {2, 2, 2, 2, 3, 4, 6, 10, 30, 60, 64, 66, 100, 600, 4000};
    Shadow *m = w->model;
    if (m->n_free == 0) forget(w);
    *slot = NONE;
    if (m->n_free == 0) return NULL;
    int s = m->free[--m->n_free];
    Slot *to = &m->slot[s];
    // large ones are rare, that small ones are made often
    uint32_t n = sizes[below(&w->rng, below(&w->rng, 8) ? 8 : (int)(sizeof sizes / sizeof *sizes))];
    uint32_t count = below(&w->rng, 3) ? 0 : (uint32_t)below(&w->rng, below(&w->rng, 50) ? 40 : 50000);
    *to = (Slot){.id = next(&w->rng), .n = n, .count = count, .used = true};
    for (int k = 0; k < EDGES; k++)
        to->edge[k] = NONE;
    Node *o = new (Node);
    o->id = to->id, o->check = mix(to->id), o->slot = (uint32_t)s, o->n = n, o->count = count;
    if (n > 2) cell_set(o->more, make_array(NodeCell, n - 2));
    if (count) {
        u8 *p = make_array(u8, count);
        for (uint32_t i = 0; i < count; i++)
            p[i] = byte_of(to->id, i);
        cell_set(o->bytes, p);
    }
    *slot = s;
    return o;
}

// ---- walking
// Some object, by a random walk from a random root, the model beside it. NULL and NONE: that way there was nothing.
static Node *pick(World *w, int *slot) {
    Shadow *m = w->model;
    Node *o = NULL;
    int s = NONE, i;
    switch (below(&w->rng, 8)) {
    case 0: i = below(&w->rng, HELD), o = w->held[i], s = m->held[i]; break;
    case 1: o = in_global[w->me], s = m->global; break;
    case 2:
        i = below(&w->rng, KEYS), s = m->keyed[i];
        bool is_there = map_get_ok(w->keyed, (long)i, &o);
        if (is_there != (s != NONE)) fail(w, "a key of the map", is_there, s != NONE);
        break;
    case 3:
        if (m->n_stacked == 0) break;
        i = below(&w->rng, m->n_stacked), s = m->stacked[i], o = cell_get(slice_at(w->stacked, i));
        break;
    default: i = below(&w->rng, ROOTS), o = cell_get(w->roots[i]), s = m->root[i]; break;
    }
    check(w, o, s);
    for (int steps = below(&w->rng, 12); o && steps > 0; steps--) {
        int k = below(&w->rng, model_edges(o->n)), t = m->slot[s].edge[k];
        Node *to = cell_get(*edge(o, k));
        check(w, to, t);
        if (!to) break;
        o = to, s = t;
    }
    *slot = s;
    return o;
}

// All that the model reaches, by the same way in the heap. Depth first on the goroutine's stack: deep stacks are to be scanned, too.
static void walk(World *w, Node *o, int s) {
    check(w, o, s);
    if (s == NONE || w->model->slot[s].seen) return;
    w->model->slot[s].seen = true;
    for (int k = 0; k < model_edges(o->n); k++)
        walk(w, cell_get(*edge(o, k)), w->model->slot[s].edge[k]);
}
static void walk_all(World *w) {
    Shadow *m = w->model;
    for (int i = 0; i < SLOTS; i++)
        m->slot[i].seen = false;
    for (int i = 0; i < ROOTS; i++)
        walk(w, cell_get(w->roots[i]), m->root[i]);
    for (int i = 0; i < HELD; i++)
        walk(w, w->held[i], m->held[i]);
    for (int i = 0; i < m->n_stacked; i++)
        walk(w, cell_get(slice_at(w->stacked, i)), m->stacked[i]);
    walk(w, in_global[w->me], m->global);
    long met = 0, keys = 0;
    map_for(key, value, w->keyed) {
        walk(w, value, m->keyed[key]);
        met++;
    }
    for (int i = 0; i < KEYS; i++)
        keys += m->keyed[i] != NONE;
    if (met != keys) fail(w, "keys of the map", (uint64_t)met, (uint64_t)keys);
}

// ---- rewiring
static void put(World *w, Node *o, int s) {
    Shadow *m = w->model;
    int i, t;
    Node *to;
    switch (below(&w->rng, 16)) {
    case 0: i = below(&w->rng, ROOTS), m->root[i] = (int32_t)s, cell_set(w->roots[i], o); return;
    case 1: i = below(&w->rng, HELD), m->held[i] = (int32_t)s, w->held[i] = o; return;
    case 2: m->global = (int32_t)s, in_global[w->me] = o; return;
    case 3:
        i = below(&w->rng, KEYS), m->keyed[i] = (int32_t)s;
        if (s == NONE)
            map_delete(w->keyed, (long)i);
        else
            map_set(w->keyed, (long)i, o);
        return;
    case 4:
        if (m->n_stacked < STACKED) {
            m->stacked[m->n_stacked++] = (int32_t)s;
            w->stacked = slice_append(NodeCell, w->stacked, o);
        } else { // half of it away, in a new array or the old one
            int keep = STACKED / 2;
            w->stacked = slice_sub(w->stacked, keep, STACKED);
            m->n_stacked -= keep;
            for (i = 0; i < m->n_stacked; i++)
                m->stacked[i] = m->stacked[i + keep];
        }
        return;
    default:
        to = pick(w, &t);
        if (!to) return;
        int k = below(&w->rng, model_edges(to->n));
        m->slot[t].edge[k] = (int32_t)s;
        cell_set(*edge(to, k), o);
    }
}

// Two edges change places: for a moment each object is held by a local only.
static void swap(World *w) {
    int s, t;
    Node *o = pick(w, &s), *p = pick(w, &t);
    if (!o || !p) return;
    int j = below(&w->rng, model_edges(o->n)), k = below(&w->rng, model_edges(p->n));
    Node *x = cell_get(*edge(o, j)), *y = cell_get(*edge(p, k));
    int32_t mx = w->model->slot[s].edge[j], my = w->model->slot[t].edge[k];
    cell_set(*edge(o, j), NULL);
    cell_set(*edge(p, k), NULL);
    if (below(&w->rng, 8) == 0) gosched();
    cell_set(*edge(o, j), y);
    w->model->slot[s].edge[j] = my;
    if (s == t && j == k) {
        if (mx != my) fail(w, "an edge of the model", (uint64_t)mx, (uint64_t)my);
        return;
    }
    cell_set(*edge(p, k), x);
    w->model->slot[t].edge[k] = mx;
}

// Takes an object out of the heap, holds it in a frame far down while others run, and puts it back.
static __attribute__((noinline)) void hold_deep(World *w, Node *o, int s, int depth) {
    volatile uint64_t frame[20];
    for (int i = 0; i < 20; i++)
        frame[i] = (uint64_t)(depth + i);
    if (depth > 0)
        hold_deep(w, o, s, depth - 1);
    else
        for (int i = 0; i < 3; i++)
            gosched();
    for (int i = 0; i < 20; i++)
        if (frame[i] != (uint64_t)(depth + i)) fail(w, "a word of the stack", frame[i], (uint64_t)(depth + i));
    check(w, o, s);
}
static void take_out(World *w) {
    int s;
    Node *o = pick(w, &s);
    if (!o) return;
    int k = below(&w->rng, model_edges(o->n));
    Node *x = cell_get(*edge(o, k));
    int mx = w->model->slot[s].edge[k];
    if (!x) return;
    cell_set(*edge(o, k), NULL);
    w->model->slot[s].edge[k] = NONE;
    hold_deep(w, x, mx, below(&w->rng, 10) ? below(&w->rng, 8) : below(&w->rng, DEEP));
    put(w, x, mx);
}

// A copy of a part of an object's cells over another part: with barrier, as whole words.
static void copy_edges(World *w) {
    int s;
    Node *o = pick(w, &s);
    if (!o || o->n < EDGES) return;
    Slot *m = &w->model->slot[s];
    NodeCell *v = make_array(NodeCell, o->n - 2);
    value_copy_n(NodeCell, v, cell_get(o->more), o->n - 2);
    cell_set(o->more, v); // the old array dies
    if (below(&w->rng, 4) == 0) {
        value_clear_n(NodeCell, v, o->n - 2);
        for (int k = 2; k < EDGES; k++)
            m->edge[k] = NONE;
    }
}

// ---- the whole
static void work(World *w) {
    switch (below(&w->rng, 16)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: {
        int s;
        Node *o = make(w, &s);
        if (o) put(w, o, s);
        break;
    }
    case 5:
    case 6: {
        int s;
        Node *o = pick(w, &s);
        put(w, o, s);
        break;
    }
    case 7: put(w, NULL, NONE); break;
    case 8:
    case 9: swap(w); break;
    case 10: take_out(w); break;
    case 11: copy_edges(w); break;
    case 12:
    case 13: pass_on(w, letter_make(w)); break;
    case 14: {
        int s;
        pick(w, &s);
        break;
    }
    case 15:
        if (below(&w->rng, 40) == 0) walk_all(w);
        break;
    }
}

static void worker(void *arg) {
    World w = {.me = (int)(intptr_t)arg, .rng = {mix(seed0 * 1000 + (uint64_t)(intptr_t)arg) | 1}};
    w.model = make_array(Shadow, 1);
    w.roots = make_array(NodeCell, ROOTS);
    w.keyed = map_make(long, NodePtr);
    Shadow *m = w.model;
    memset(m, 0xff, sizeof *m); // NONE
    memset(m->slot, 0, sizeof m->slot);
    m->n_free = m->n_stacked = 0;
    for (w.op = 0; w.op < ops_each; w.op++)
        work(&w);
    walk_all(&w);
    in_global[w.me] = NULL;
    waitgroup_done(&workers);
}

static void collector(void *unused) {
    while (!atomic_bool_load(&over)) {
        gc_collect();
        if (pause_us)
            time_sleep(pause_us * MICROSECOND);
        else
            gosched();
    }
    waitgroup_done(&errands);
}

static InUse cleaned(void) {
    gc_collect();
    gc_collect(); // what the first one's finalizers and stale words kept
    return in_use();
}

// Ends all parcels that lie anywhere.
static __attribute__((noinline)) void clear_up(void) {
    World nobody = {.me = -1, .rng = {1}};
    Letter *l;
    bool ok;
    chan_close(buffered);
    while (chan_try_recv(buffered, &l, &ok) && ok)
        letter_end(&nobody, l);
    for (int i = 0; i < BOARD; i++) {
        if ((l = atomic_ptr_swap(&exchanges[i], NULL))) letter_end(&nobody, l);
        if (!cell_get(board[i].parcel)) continue;
        l = new (Letter);
        l->id = board[i].id;
        cell_set(l->parcel, cell_get(board[i].parcel));
        letter_end(&nobody, l);
    }
    board = NULL;
    direct = buffered = NULL;
}

int main(int argc, char **argv) {
    seed0 = (uint64_t)arg_number(argc, argv, 1, 1);
    ops_each = arg_number(argc, argv, 2, 4000);
    goroutines = (int)arg_number(argc, argv, 3, 0);
    if (goroutines == 0) goroutines = 3 * gomaxprocs(0);
    if (goroutines > MAX_GOROUTINES) goroutines = MAX_GOROUTINES;
    gc_set_percent((int)arg_number(argc, argv, 4, 20));
    pause_us = arg_number(argc, argv, 5, 0);
    InUse before = cleaned();
    uint32_t cycles = gc.cycle;

    board = make_array(Shelf, BOARD);
    direct = chan_make(LetterPtr, 0);
    buffered = chan_make(LetterPtr, 8);
    waitgroup_add(&workers, goroutines);
    waitgroup_add(&postmen, 4);
    waitgroup_add(&errands, 1);
    for (int i = 0; i < 4; i++)
        go(postman, (void *)(mix(seed0 + 77 + (uint64_t)i) | 1));
    go(collector, NULL);
    for (int i = 0; i < goroutines; i++)
        go(worker, (void *)(intptr_t)i);
    waitgroup_wait(&workers);
    atomic_bool_store(&over, true);
    waitgroup_wait(&errands);
    chan_close(direct);
    waitgroup_wait(&postmen);
    clear_up();

    InUse after = cleaned();
    say("t_gc_mutator: seed %lu, %d goroutines of %ld operations, %u cycles, heap %lu objects of %lu bytes before, %lu of %lu after\n", (ulong)seed0,
        goroutines, ops_each, gc.cycle - cycles, (ulong)before.objects, (ulong)before.bytes, (ulong)after.objects, (ulong)after.bytes);
    check_equal("parcels made and burnt", (int64_t)atomic_uint64_load(&burnt), (int64_t)atomic_uint64_load(&made));
    check_at_least("cycles", gc.cycle - cycles, 4);
    // a word of an old stack may keep a world
    check_at_most("objects left over", (int64_t)(after.objects - before.objects), 3 * SLOTS);
    return check_end("t_gc_mutator");
}
