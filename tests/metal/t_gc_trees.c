// t_gc_trees.c -- binary trees, as the benchmarks game has them: allocation is all there is, most of it dies at once, one tree lives on.
//
//     t_gc_trees [depth] [1: a goroutine for each depth]
//
// The sums are known: a tree of depth d has 2^(d+1) - 1 nodes. With the collector at its default the heap must stay small.
//
// args: GODEBUG=gcverify=1 10 1
// smp: 1 4
// timeout: 120
#include "gc.h"

typedef struct Tree Tree;
struct Tree {
    cell(Tree *) l, r;
};
TYPE_STRUCT(Tree, l, r);

static Tree *bottom_up(int depth) {
    Tree *t = new (Tree);
    if (depth > 0) {
        cell_set(t->l, bottom_up(depth - 1));
        cell_set(t->r, bottom_up(depth - 1));
    }
    return t;
}
static long count(Tree *t) {
    Tree *l = cell_get(t->l);
    return l ? 1 + count(l) + count(cell_get(t->r)) : 1;
}

enum { MIN_DEPTH = 4 };
static int max_depth;
static WaitGroup all;
static AtomicInt64 nodes;

static void many(void *arg) {
    int d = (int)(intptr_t)arg;
    long n = 1l << (max_depth - d + MIN_DEPTH), sum = 0;
    for (long i = 0; i < n; i++)
        sum += count(bottom_up(d));
    check_equal("nodes of the trees of one depth", sum, n * ((2l << d) - 1));
    atomic_int64_add(&nodes, sum);
    waitgroup_done(&all);
}

int main(int argc, char **argv) {
    max_depth = (int)arg_number(argc, argv, 1, 14);
    bool parallel = arg_number(argc, argv, 2, 0) != 0;
    Tree *lives = bottom_up(max_depth);
    check_equal("nodes of the stretching tree", count(bottom_up(max_depth + 1)), (4l << max_depth) - 1);
    for (int d = MIN_DEPTH; d <= max_depth; d += 2) {
        waitgroup_add(&all, 1);
        if (parallel)
            go(many, (void *)(intptr_t)d);
        else
            many((void *)(intptr_t)d);
    }
    waitgroup_wait(&all);
    check_equal("nodes of the tree that lives", count(lives), (2l << max_depth) - 1);
    gc_collect();
    // 4 MB, GOGC's least goal, and the trees that are alive at a time; all that was allocated is many times that
    int64_t live = (int64_t)sizeof(Tree) * ((4l << max_depth) + (int64_t)max_depth * (2l << max_depth));
    say("%lu MB were allocated, heap now %lu kB, %u cycles\n", (ulong)atomic_int64_load(&nodes) * sizeof(Tree) >> 20, (ulong)load_acquire(&heap.live_bytes) >> 10,
        gc.cycle);
    check_at_most("bytes of all spans", (int64_t)load_acquire(&heap.span_bytes), 2 * live + (12l << 20));
    if ((size_t)atomic_int64_load(&nodes) * sizeof(Tree) > 64u << 20) check_at_least("cycles", gc.cycle, 3);
    return check_end("t_gc_trees");
}
