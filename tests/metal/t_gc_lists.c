// t_gc_lists.c -- a large linked structure whose objects are replaced all the time: nothing that is linked is lost, what is cut off is
// found, and the heap stays within what GOGC allows.
//
//     t_gc_lists [MiB of objects that live] [replacements, in thousands] [percent for the collector]
//
// Lists of 64-byte objects, as many lists as there are; each object carries its list, its position from the end and a checksum. A
// replacement puts a new object in front of a list and cuts the oldest off, so each list keeps its length and the
// collector finds as much garbage as is allocated. Each core has a goroutine with lists of its own.
//
// args: 24 600 50
// smp: 2
// timeout: 240
#include "gc.h"

enum { LENGTH = 64 };
typedef struct Link Link;
struct Link {
    cell(Link *) next, newer;
    uint64_t list, number, check, unused[3];
};
TYPE_STRUCT(Link, next, newer);
typedef struct Head { // newest and oldest
    cell(Link *) first, last;
    uint64_t made;
} Head;
TYPE_STRUCT(Head, first, last);

static Head *heads;
static long n_lists, replacements;
static int n_workers;
static WaitGroup all;

static uint64_t checksum(uint64_t list, uint64_t number) {
    uint64_t x = (list + 1) * 0x9e3779b97f4a7c15ull ^ (number + 1) * 0xc2b2ae3d27d4eb4full;
    return x ^ x >> 29;
}

static void add(long list) {
    Head *h = &heads[list];
    Link *l = new (Link), *old = cell_get(h->first);
    l->list = (uint64_t)list, l->number = h->made++, l->check = checksum(l->list, l->number);
    cell_set(l->next, old);
    if (old)
        cell_set(old->newer, l);
    else
        cell_set(h->last, l);
    cell_set(h->first, l);
}
static void drop_oldest(long list) {
    Head *h = &heads[list];
    Link *newer = cell_get(cell_get(h->last)->newer);
    cell_set(newer->next, NULL);
    cell_set(h->last, newer);
}
// Objects of a list, counted by looking at all of them.
static long look(long list) {
    Head *h = &heads[list];
    uint64_t number = h->made;
    long n = 0;
    for (Link *l = cell_get(h->first); l; l = cell_get(l->next), n++) {
        number--;
        CHECK_QUIETLY(l->list == (uint64_t)list);
        CHECK_QUIETLY(l->number == number);
        CHECK_QUIETLY(l->check == checksum(l->list, l->number));
        if (load_seq(&check_failures)) break;
    }
    return n;
}

static void worker(void *arg) {
    long me = (long)arg, lo = n_lists * me / n_workers, hi = n_lists * (me + 1) / n_workers;
    for (long i = lo; i < hi; i++)
        for (int k = 0; k < LENGTH; k++)
            add(i);
    uint64_t x = (uint64_t)me * 77 + 1;
    for (long i = 0; i < replacements / n_workers; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        long list = lo + (long)(x % (uint64_t)(hi - lo));
        add(list);
        drop_oldest(list);
        if (i % 512 == 0) CHECK_QUIETLY(look(list) == LENGTH);
    }
    for (long i = lo; i < hi; i++)
        CHECK_QUIETLY(look(i) == LENGTH);
    waitgroup_done(&all);
}

int main(int argc, char **argv) {
    long mib = arg_number(argc, argv, 1, 256);
    replacements = arg_number(argc, argv, 2, 4000) * 1000;
    int percent = (int)arg_number(argc, argv, 3, 100);
    gc_set_percent(percent);
    n_lists = (mib << 20) / (long)sizeof(Link) / LENGTH;
    n_workers = gomaxprocs(0);
    heads = make_array(Head, n_lists);
    waitgroup_add(&all, n_workers);
    for (long i = 0; i < n_workers; i++)
        go(worker, (void *)i);
    waitgroup_wait(&all);
    say("%u cycles; spans %lu MB, live %lu MB, for %ld MB that live\n", gc.cycle, (ulong)load_acquire(&heap.span_bytes) >> 20, (ulong)load_acquire(&heap.live_bytes) >> 20, mib);
    check_at_least("cycles", gc.cycle, 2);
    // the goal, and a quarter for fragments and what is allocated while a cycle ends
    check_at_most("MB of all spans", (int64_t)(load_acquire(&heap.span_bytes) >> 20), mib * (100 + percent) / 100 * 5 / 4 + 8);
    gc_collect();
    check_range("MB that live", (int64_t)(load_acquire(&heap.live_bytes) >> 20), mib, mib * 9 / 8 + 2);
    heads = NULL;
    gc_collect();
    gc_collect();
    check_at_most("MB that live when all is dropped", (int64_t)(load_acquire(&heap.live_bytes) >> 20), 1 + mib / 8); // stale words on main's stack
    return check_end("t_gc_lists");
}
