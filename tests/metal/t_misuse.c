// t_misuse.c KIND -- misuse of channels, locks and maps, or waiting for ever: each ends the program as Go would
// (tests/test_misuse.py).
//
// status: 2
#include "check.h"

static void block(void *c) {
    chan_recv((chan(int))c);
}

// A key whose hash and equality do to the map, in the middle of its operation, what another goroutine might.
typedef struct MapKey {
    long n;
} MapKey;
static void meddle(void);
static bool map_key_equal(const MapKey *a, const MapKey *b) {
    meddle();
    return a->n == b->n;
}
static uint64_t map_key_hash(const MapKey *k, uint64_t seed) {
    return hash_u64((uint64_t)k->n, seed);
}
TYPE_KEY_BY(MapKey, map_key_equal, map_key_hash);
TYPE_MAP(MapKey, long);
static map(MapKey, long) shared;
static const char *meddling;
static void meddle(void) {
    const char *how = meddling;
    meddling = NULL;
    if (!how) return;
    if (strcmp(how, "mapread") == 0) map_get(shared, ((MapKey){5}));
    if (strcmp(how, "mapwrite") == 0) map_set(shared, ((MapKey){6}), 1);
    if (strcmp(how, "mapiterate") == 0) {
        map_for (k, v, shared) println("%ld %ld", k.n, v);
    }
}
static void misuse_map(const char *how) {
    shared = map_make(MapKey, long);
    for (long i = 0; i < 20; i++)
        map_set(shared, ((MapKey){i}), i);
    meddling = how;
    map_set(shared, ((MapKey){3}), 4);
}

// Two cores, one of which only changes the value of an entry that is there.
TYPE_MAP(int, int);
static map(int, int) counts;
static void update_for_ever(void *arg) {
    if (arg) {
        for (int i = 0;; i++)
            map_set(counts, 1, i);
    } else {
        for (;;)
            (*map_at(counts, 1))++;
    }
}
static void update_map(const char *how) {
    int sum = 0;
    counts = map_make(int, int);
    map_set(counts, 1, 1);
    go(update_for_ever, (void *)how);
    if (strcmp(how, "updatemap") == 0) update_for_ever(NULL);
    while (strcmp(how, "updateread") == 0)
        sum += map_get(counts, 1);
    while (strcmp(how, "updateiterate") == 0)
        map_for (k, v, counts) sum += v;
    println("%d", sum);
}

int main(int argc, char **argv) {
    static Mutex m;
    static RWMutex rw;
    static WaitGroup wg;
    chan(int) c = chan_make(int, 0), none = NULL;
    const char *kind = argc > 1 ? argv[1] : "unlock";
    if (strcmp(kind, "unlock") == 0) mutex_unlock(&m);
    if (strcmp(kind, "runlock") == 0) rwmutex_runlock(&rw);
    if (strcmp(kind, "rwunlock") == 0) rwmutex_unlock(&rw);
    if (strcmp(kind, "close") == 0) chan_close(none);
    if (strcmp(kind, "close2") == 0) {
        chan_close(c);
        chan_close(c);
    }
    if (strncmp(kind, "map", 3) == 0) misuse_map(kind);
    if (strncmp(kind, "update", 6) == 0) update_map(kind);
    if (strcmp(kind, "negative") == 0) waitgroup_add(&wg, -1);
    if (strcmp(kind, "send") == 0) {
        chan_close(c);
        chan_send(c, 1);
    }
    go(block, c);
    gosched();
    if (strcmp(kind, "nilsend") == 0) chan_send(none, 1);
    if (strcmp(kind, "nilrecv") == 0) chan_recv(none);
    if (strcmp(kind, "recv") == 0) chan_recv(c);
    if (strcmp(kind, "select") == 0) chan_select(case_send(none, 1), case_recv(none, NULL));
    if (strcmp(kind, "select2") == 0) chan_select(case_send(none, 1), case_recv(c, NULL));
    if (strcmp(kind, "wait") == 0) {
        waitgroup_add(&wg, 1);
        waitgroup_wait(&wg);
    }
    mutex_lock(&m);
    if (strcmp(kind, "lock") == 0) mutex_lock(&m);
    return 0;
}
