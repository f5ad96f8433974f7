// gc_copy.c -- while a collection runs, whole arrays of cells are copied over others and cleared: what they held is shaded, for somebody
// keeps it. The same for an atomic pointer, and for cells of two words.
#include "gc_case.h"

TYPE_CELL(NodeCell, Node *);
typedef struct Holder {
    cell(NodeCell *) array;
    AtomicPtr atomic;
    cell(Any) any;
} Holder;
TYPE_STRUCT(Holder, array, atomic, any);

static Holder *holder;
static chan(int) done;

static void taker(void *unused) {
    gc_await_marking();
    NodeCell *v = cell_get(holder->array);
    Node *a = cell_get(v[0]), *b = cell_get(v[1]), *c = atomic_ptr_load(&holder->atomic), *d = cell_get(holder->any).data;
    cell_set(holder->any, (Any){0}); // these two first: their object is scanned soon
    atomic_ptr_store(&holder->atomic, NULL);
    value_copy_n(NodeCell, v, v + 2, 1);
    value_clear_n(NodeCell, v + 1, 1);
    gc_wait();
    node_check(a, 7);
    node_check(cell_get(a->next), 17);
    node_check(b, 8);
    node_check(c, 9);
    node_check(d, 10);
    chan_send(done, 1);
}

static Node *pair(uint64_t id) {
    Node *n = node_new(id);
    cell_set(n->next, node_new(id + 10));
    return n;
}

SETUP set_up(void) {
    gc_watch();
    holder = new (Holder);
    cell_set(holder->array, make_array(NodeCell, 3));
    cell_set(cell_get(holder->array)[0], pair(7));
    cell_set(cell_get(holder->array)[1], pair(8));
    atomic_ptr_store(&holder->atomic, pair(9));
    cell_set(holder->any, ((Any){type_of(NodePtr), pair(10)}));
}

int main(void) {
    done = chan_make(int, 0);
    set_up();
    gc_begin(0);
    gc_start();
    go(taker, NULL);
    chan_recv(done);
    return 0;
}
