// t_gc_sweep.c -- proportional sweeping: who allocates has swept nearly everything when the next cycle is due, also when the collector's settings are changed again and again
// meanwhile. One core, which is never idle, so nobody else sweeps.
//
// args: GODEBUG=gcforce=0
// smp: 1
#include "metal.h"
#include "rt/gcrun.h"
#include "rt/heap.h"

typedef struct Node Node;
struct Node {
    cell(Node *) next;
    uint64_t pad[7];
};
TYPE_STRUCT(Node, next);

enum { LIVE = 300000, MB = 1 << 20 };
static Node *kept;

// Garbage of another class than what is kept, whose spans nobody takes up for want of slots then.
static void other(void) { make_array(u8, 1000); }

// Allocates until a cycle has begun and its marking is over.
static void run_a_cycle(void) {
    for (uint32_t now = gc.cycle; gc.cycle == now || load_relaxed(&gc.phase) != GC_OFF;)
        other();
}

static void allocate_to_trigger(const char *what, bool change) {
    run_a_cycle();
    int64_t pages = (int64_t)load_relaxed(&heap.pages_unswept), changes = 0;
    uint64_t from = load_relaxed(&heap.live_bytes);
    while (load_relaxed(&heap.live_bytes) + 2 * MB < gc_pace.trigger) { // 1 MB before it all should be swept
        other();
        if (!change || load_relaxed(&heap.live_bytes) < from + MB) continue;
        from = load_relaxed(&heap.live_bytes);
        gc_set_percent(100);
        changes++;
    }
    say("%s: %ld pages to sweep, %ld changes of GOGC\n", what, (long)pages, (long)changes);
    check_at_least("pages to sweep", pages, LIVE * (int64_t)sizeof(Node) / PAGE_SIZE);
    check_at_least("changes", changes, change ? 5 : 0);
    check_at_least("hundredths of them swept", 100 - 100 * (int64_t)load_relaxed(&heap.pages_unswept) / pages, 85);
}

int main(void) {
    for (int i = 0; i < LIVE; i++) {
        Node *n = new (Node);
        cell_set(n->next, kept);
        kept = n;
    }
    run_a_cycle();
    allocate_to_trigger("undisturbed", false);
    allocate_to_trigger("with changes", true);
    return check_end("t_gc_sweep");
}
