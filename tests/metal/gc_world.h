// gc_world.h -- what one goroutine of t_gc_mutator.c has: random numbers, objects of a graph, the model of what they must contain.
#pragma once
#include "gc.h"

#ifdef SANITIZED
enum { SLOTS = 150, DEEP = 100 }; // walk() and hold_deep() go as deep, in large frames on a stack that cannot grow
#else
enum { SLOTS = 600, DEEP = 400 };
#endif
enum { EDGES = 8, ROOTS = 12, HELD = 4, KEYS = 32, STACKED = 16, MAX_GOROUTINES = 256 };
enum { NONE = -1 };

static uint64_t seed0;
static long ops_each, pause_us;
static int goroutines;
static WaitGroup workers, postmen, errands;
static AtomicBool over;

// ---- random numbers, checksums
typedef struct Rng {
    uint64_t x;
} Rng;
static uint64_t next(Rng *r) {
    r->x ^= r->x << 13, r->x ^= r->x >> 7, r->x ^= r->x << 17;
    return r->x * 0x9e3779b97f4a7c15ull >> 8;
}
static int below(Rng *r, int n) {
    return (int)(next(r) % (uint64_t)n);
}
static uint64_t mix(uint64_t x) {
    x ^= x >> 31, x *= 0x7fb5d329728ea185ull, x ^= x >> 27, x *= 0x81dadef4bc2dd44dull, x ^= x >> 33;
    return x;
}

// ---- objects of the graph
typedef struct Node Node;
typedef Node *NodePtr;
TYPE_POINTER(NodePtr);
TYPE_CELL(NodeCell, Node *);
TYPE_MAP(long, NodePtr);
TYPE_SLICE(NodeCell);
struct Node {
    uint64_t id, check; // check: mix(id)
    uint32_t slot, n;   // the model's index; edges
    NodeCell a, b;         // edges 0 and 1
    cell(NodeCell *) more; // the others
    cell(u8 *) bytes;      // count of them, each from the id
    uint32_t count;
    uint32_t pad;
};
TYPE_STRUCT(Node, a, b, more, bytes);

// Where edge k of the model's lies among n: spread over all of them.
static uint32_t place(int k, uint32_t n) {
    if (n <= EDGES || k < 2) return (uint32_t)k;
    return 2 + (uint32_t)(k - 2) * (n - 3) / (EDGES - 3);
}
static int model_edges(uint32_t n) {
    return n < EDGES ? (int)n : EDGES;
}
static NodeCell *edge(Node *o, int k) {
    return k == 0 ? &o->a : k == 1 ? &o->b : &cell_get(o->more)[place(k, o->n) - 2];
}

// ---- the model: what each object must contain. No pointers. (Indices of 32 bits: 16, spilled over an old pointer, make one to another object nearby, which gcverify takes for lost.)
typedef struct Slot {
    uint64_t id;
    uint32_t n, count;
    int32_t edge[EDGES];
    bool used, seen;
} Slot;
TYPE_NOSCAN(Slot);
typedef struct Shadow {
    Slot slot[SLOTS];
    int32_t root[ROOTS], held[HELD], global, keyed[KEYS], stacked[STACKED];
    int n_stacked;
    int32_t free[SLOTS];
    int n_free;
} Shadow;
TYPE_NOSCAN(Shadow);

// ---- a goroutine's world. A local variable: its pointers are roots.
typedef struct World {
    int me;
    long op;
    Rng rng;
    Shadow *model;
    NodeCell *roots; // ROOTS
    Node *held[HELD];
    map(long, NodePtr) keyed;
    slice(NodeCell) stacked;
} World;
static Node *in_global[MAX_GOROUTINES]; // plain variables are roots, too

static _Noreturn void fail(const World *w, const char *what, uint64_t got, uint64_t want) {
    eprint("FAIL seed %lu, goroutine %d, operation %ld: %s: got %lx, expected %lx\n", (ulong)seed0, w->me, w->op, what, (ulong)got, (ulong)want);
    program_exit(1);
}

static uint8_t byte_of(uint64_t id, uint32_t i) {
    return (uint8_t)(id * 31 + i * 7);
}

// o is what the model says of slot s.
static void check(const World *w, Node *o, int s) {
    if (s == NONE || !o) {
        if (s != NONE || o) fail(w, "a pointer and the model's idea of it, one of them none", (uint64_t)o, (uint64_t)s);
        return;
    }
    const Slot *m = &w->model->slot[s];
    if (!m->used) fail(w, "the model's slot is free", (uint64_t)s, 0);
    if (o->id != m->id) fail(w, "number of an object", o->id, m->id);
    if (o->check != mix(m->id)) fail(w, "checksum of an object", o->check, mix(m->id));
    if (o->slot != (uint32_t)s) fail(w, "index of an object", o->slot, (uint64_t)s);
    if (o->n != m->n) fail(w, "edges of an object", o->n, m->n);
    if (o->count != m->count) fail(w, "bytes of an object", o->count, m->count);
    const u8 *p = cell_get(o->bytes);
    uint32_t step = m->count > 64 ? m->count / 16 : 1;
    for (uint32_t i = 0; i < m->count; i += step)
        if (p[i] != byte_of(m->id, i)) fail(w, "a byte of an object", p[i], byte_of(m->id, i));
}
