// boehm.c -- the heap's part of the head-to-head on the collector of Boehm, Demers and Weiser (Debian: libgc), on Linux: names as in heap.c.
//
//     PROGRAM [-ms N] [-mib N] NAME...
#include <gc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPS = 3, LISTS = 4096 };
static int64_t budget = 100000000;
static long mib = 64;
static void *volatile kept;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000l + t.tv_nsec;
}
static int by_size(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }
static void emit(const char *name, double v[REPS], const char *unit) {
    qsort(v, REPS, sizeof *v, by_size);
    printf("%s\t%.3f\t%s\t%.3f\t%.3f\n", name, v[REPS / 2], unit, v[0], v[REPS - 1]);
}
static int64_t timed(void (*f)(long), long n) {
    GC_gcollect();
    int64_t s = now();
    f(n);
    return now() - s;
}
static void per_op(const char *name, void (*f)(long)) {
    long n = 1000;
    int64_t d, want = budget / REPS;
    while ((d = timed(f, n)) < want / 2)
        n *= d > want / 20 ? 2 : 10;
    n = (long)((double)n * (double)want / (double)d) + 1;
    double v[REPS];
    for (int r = 0; r < REPS; r++)
        v[r] = (double)timed(f, n) / (double)n;
    emit(name, v, "ns/op");
}

// ---- allocation; what has no pointers is not cleared by GC_MALLOC_ATOMIC, but Go's and ours is
#define PLAIN(N) \
    static void plain_##N(long n) { \
        while (n--) kept = memset(GC_MALLOC_ATOMIC(N), 0, N); \
    }
PLAIN(16) PLAIN(64) PLAIN(256) PLAIN(1024)
static void pointers_16(long n) { while (n--) kept = GC_MALLOC(16); }
static void pointers_64(long n) { while (n--) kept = GC_MALLOC(64); }
static void allocations(void) {
    per_op("alloc.16", plain_16);
    per_op("alloc.64", plain_64);
    per_op("alloc.256", plain_256);
    per_op("alloc.1024", plain_1024);
    per_op("alloc.16ptr", pointers_16);
    per_op("alloc.64ptr", pointers_64);
}

// ---- binary trees
typedef struct Tree Tree;
struct Tree { Tree *l, *r; };
static Tree *bottom_up(int depth) {
    Tree *t = GC_MALLOC(sizeof *t);
    if (depth > 0) t->l = bottom_up(depth - 1), t->r = bottom_up(depth - 1);
    return t;
}
static uint64_t check(const Tree *t) { return t->l ? 1 + check(t->l) + check(t->r) : 1; }
static void trees(long most) {
    Tree *lives = bottom_up((int)most);
    uint64_t sum = check(bottom_up((int)most + 1));
    for (int d = 4; d <= most; d += 4)
        for (long i = 1l << (most - d + 4); i > 0; i--)
            sum += check(bottom_up(d));
    kept = (void *)(uintptr_t)(sum + check(lives));
}
static void binary_trees(void) {
    double v[REPS];
    for (int r = 0; r < REPS; r++)
        v[r] = (double)timed(trees, 14) / 1e6;
    emit("bintree.14.seq", v, "ms");
}

// ---- collections of a large heap
typedef struct Node Node;
struct Node {
    Node *next, *other;
    uint64_t v[6];
};
static uint64_t random_next(uint64_t *r) {
    *r ^= *r >> 12, *r ^= *r << 25, *r ^= *r >> 27;
    return *r * 2685821657736338717ull;
}
static void collections(void) {
    Node **heads = GC_MALLOC(LISTS * sizeof *heads);
    uint64_t r = 12345;
    char name[40];
    int64_t s = now();
    for (long i = mib << 20 >> 6; i > 0; i--) {
        uint64_t x = random_next(&r);
        Node *n = GC_MALLOC(sizeof *n);
        n->next = heads[x % LISTS], n->v[0] = x;
        heads[x % LISTS] = n;
    }
    printf("gc.%ldMiB.build\t%.3f\tms\n", mib, (double)(now() - s) / 1e6);
    double v[REPS];
    for (int i = 0; i < REPS; i++) {
        s = now();
        GC_gcollect();
        v[i] = (double)(now() - s) / (double)(mib << 20 >> 6);
    }
    snprintf(name, sizeof name, "gc.%ldMiB.fullgc.node", mib);
    emit(name, v, "ns/node");
    kept = heads;
}

int main(int argc, char **argv) {
    GC_INIT();
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-ms") && i + 1 < argc) budget = atol(argv[++i]) * 1000000l;
        else if (!strcmp(argv[i], "-mib") && i + 1 < argc) mib = atol(argv[++i]);
        else if (!strcmp(argv[i], "-scale") && i + 1 < argc) i++; // one depth only
        else if (!strcmp(argv[i], "alloc")) allocations();
        else if (!strcmp(argv[i], "bintree")) binary_trees();
        else if (!strcmp(argv[i], "gc")) collections();
        else if (!strcmp(argv[i], "none")) printf("main\t0\tns\n");
        else return fprintf(stderr, "boehm: unknown word %s\n", argv[i]), 2;
    }
    return 0;
}
