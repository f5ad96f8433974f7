// binarytrees -- the benchmark of the computer language benchmarks game: trees that live and die, one goroutine for each depth.
// apps/gobinarytrees.go is the same in Go.
//
//     binarytrees [DEPTH]
//
// smp: 1 4
#include "rt/burrow.h"

typedef struct Tree {
    cell(struct Tree *) left;
    cell(struct Tree *) right;
} Tree;
TYPE_STRUCT(Tree, left, right);

static Tree *bottom_up(int depth) {
    Tree *t = new (Tree);
    if (depth > 0) {
        cell_set(t->left, bottom_up(depth - 1));
        cell_set(t->right, bottom_up(depth - 1));
    }
    return t;
}

static int64_t check(const Tree *t) {
    const Tree *left = cell_get(t->left);
    return left ? 1 + check(left) + check(cell_get(t->right)) : 1;
}

typedef struct Job {
    int depth, trees;
    int64_t check;
    cell(chan(int)) done;
} Job;
TYPE_STRUCT(Job, done);
typedef Job *JobPtr;
TYPE_CELL(JobCell, JobPtr);
TYPE_SLICE(JobCell);

static void run(void *arg) {
    Job *j = arg;
    for (int i = 0; i < j->trees; i++)
        j->check += check(bottom_up(j->depth));
    chan_send(cell_get(j->done), 1);
}

enum { LEAST = 4 };

int main(int argc, char **argv) {
    int64_t deepest = 12;
    if (argc > 2 || (argc == 2 && !(parse_int(string_of(argv[1]), 10, &deepest) && deepest >= LEAST + 2 && deepest <= 30))) {
        eprint("binarytrees: expected [DEPTH], from %d to 30\n", LEAST + 2);
        return 1;
    }
    println("stretch tree of depth %ld\t check: %ld", deepest + 1, check(bottom_up((int)deepest + 1)));
    Tree *lives = bottom_up((int)deepest);
    slice(JobCell) jobs = {0};
    for (int depth = LEAST; depth <= deepest; depth += 2) {
        Job *j = new (Job);
        j->depth = depth;
        j->trees = 1 << (deepest - depth + LEAST);
        cell_set(j->done, chan_make(int, 1));
        jobs = slice_append(JobCell, jobs, j);
        go(run, j);
    }
    for (intptr_t i = 0; i < jobs.n; i++) {
        Job *j = cell_get(slice_at(jobs, i));
        chan_recv(cell_get(j->done));
        println("%d\t trees of depth %d\t check: %ld", j->trees, j->depth, j->check);
    }
    println("long lived tree of depth %ld\t check: %ld", deepest, check(lives));
    return 0;
}
