// t_kinds.c -- something of each kind that the event trace knows, for tests/test_trace.py: selects of which it is known what they choose, timers, a loop without
// calls, thefts, collections with assists, a stop of the world, sleep.
//
// judged by: tests/test_trace.py
// boot: none
// hosted: no (it is of use with the trace alone)
#include "metal.h"

typedef struct Node Node;
struct Node {
    cell(Node *) next;
    uint64_t v[7];
};
TYPE_STRUCT(Node, next);

static WaitGroup wg;
static AtomicBool stop;
static AtomicInt64 ran_on[PLAT_MAX_CPUS];
static Node *kept;

// ---- selects: chooser's are told by the test one by one

static void chooser(void *c) {
    chan(int) mine = c, other = chan_make(int, 0), room = chan_make(int, 1);
    int v;
    bool ok;
    chan_select(case_recv(other, &v), case_recv(mine, &v));                    // waits, then case 1
    chan_select(case_send(room, 1), case_recv(other, &v));                     // case 0 at once
    chan_select(case_recv(other, &v), case_send(room, 2), case_default());     // case 2, default
    chan_select(case_recv(room, &v), case_recv(other, &v), case_default());    // case 0, with a value
    chan_close(other);
    chan_select(case_send(chan_make(int, 0), 1), case_recv(other, &v, &ok)); // case 1, closed
    waitgroup_done(&wg);
}
static void selects(void) {
    chan(int) c = chan_make(int, 0);
    waitgroup_add(&wg, 1);
    go(chooser, c);
    time_sleep(5 * MILLISECOND); // it waits now, or it will find us sending: the same case
    chan_send(c, 1);
    waitgroup_wait(&wg);
}

// ---- a loop that only an interrupt ends, and goroutines for other cores to take

static void endless(void *unused) {
    while (!*(volatile bool *)&stop) {
    }
    waitgroup_done(&wg);
}
static void preempted(void) {
    waitgroup_add(&wg, gomaxprocs(0));
    for (int i = 0; i < gomaxprocs(0); i++)
        go(endless, NULL);
    for (int i = 0; i < 5; i++)
        time_sleep(MILLISECOND);
    atomic_bool_store(&stop, true);
    waitgroup_wait(&wg);
}

static void compute(void *unused) {
    int64_t end = time_now_ns() + MILLISECOND;
    while (time_now_ns() < end) {
    }
    atomic_int64_add(&ran_on[core_id()], 1);
    waitgroup_done(&wg);
}
static bool all_cores_ran(void) {
    for (int i = 0; i < gomaxprocs(0); i++)
        if (atomic_int64_load(&ran_on[i]) == 0) return false;
    return true;
}

// ---- collections that allocation starts, until somebody had to assist

static Node *list_of(int n) {
    Node *list = NULL;
    while (n-- > 0) {
        Node *first = new (Node);
        cell_set(first->next, list);
        list = first;
    }
    return list;
}
static void allocate(void *unused) {
    for (int i = 0; i < 200; i++)
        list_of(100);
    waitgroup_done(&wg);
}
static bool assisted(void) {
    GcReport r;
    return read_gc_report(&r) && r.assist_ns > 0;
}

int main(void) {
    int64_t end = time_now_ns() + 60 * SECOND;
    selects();
    preempted();
    for (bool stolen = false; !stolen && time_now_ns() < end; stolen = all_cores_ran()) {
        waitgroup_add(&wg, 16);
        for (int i = 0; i < 16; i++)
            go(compute, NULL);
        waitgroup_wait(&wg);
    }
    gc_set_percent(5);
    kept = list_of(100000); // work for the collector
    bool drafted = false; // the report is of the latest collection: a later one may have done without
    while (!(drafted = assisted()) && time_now_ns() < end) {
        waitgroup_add(&wg, 4);
        for (int i = 0; i < 4; i++)
            go(allocate, NULL);
        waitgroup_wait(&wg);
    }
    check_true("all cores ran something", all_cores_ran());
    check_true("the list is there", kept != NULL);
    check_true("somebody assisted", drafted);
    return check_failures != 0;
}
