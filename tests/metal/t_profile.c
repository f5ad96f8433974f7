// t_profile.c -- a program whose profiles are known: cpu, stops, heap, z (heap: sizes), goroutine, mutex, block. Its arguments say which part runs.
//
// judged by: tests/test_profile.py
// boot: none
// hosted: no (it needs a word that says what to do)
#include "metal.h"

#define LOOPS  200000u
#define ROUNDS 200
#define KEPT   64
#define BLOCK  65536
#define WASTED 16384

static volatile uint64_t sink;
static uint8_t *kept[KEPT];
static Mutex mutex;
static WaitGroup done;

// ---- cpu: three quarters in hot, one in warm

static __attribute__((noinline)) void hot(uint64_t n) {
    uint64_t x = 1;
    for (; n > 0; n--)
        x = x * 6364136223846793005u + 1;
    sink = x;
}
static __attribute__((noinline)) void warm(uint64_t n) {
    uint64_t x = 3;
    for (; n > 0; n--)
        x = x * 6364136223846793005u + 1;
    sink = x;
}
static __attribute__((noinline)) void burn(void) {
    for (int i = 0; i < ROUNDS; i++) {
        hot(3 * LOOPS);
        warm(LOOPS);
    }
    sink++;
}

// ---- stops: the other cores sleep each time the world stops, and a collector without company marks

static AtomicBool stopping;
static __attribute__((noinline)) void busy(void *unused) {
    while (!atomic_bool_load(&stopping))
        warm(1000);
    waitgroup_done(&done);
}
static void stop_often(void) {
    waitgroup_add(&done, gomaxprocs(0));
    for (int i = 0; i < gomaxprocs(0); i++)
        go(busy, NULL);
    for (int i = 0; i < 300; i++)
        gc_collect();
    atomic_bool_store(&stopping, true);
    waitgroup_wait(&done);
}

// ---- heap: 4 MB stay, 16 MB do not

static __attribute__((noinline)) void keep(void) {
    for (int i = 0; i < KEPT; i++)
        kept[i] = make_array(uint8_t, BLOCK);
}
static __attribute__((noinline)) void waste(void) {
    for (int i = 0; i < WASTED; i++)
        sink += (uintptr_t)make_array(uint8_t, 1024);
}

// ---- sizes: small objects and large ones by one stack, all dropped

static __attribute__((noinline)) void mixed(size_t n) { sink += (uintptr_t)make_array(uint8_t, n); }
static void small_and_large(void) {
    for (int i = 0; i < 200000; i++)
        mixed(i % 2000 ? 64 : BLOCK * 4);
}

// ---- goroutine: ten wait in one place, five in another

static void wait_here(void *c) { chan_recv((chan(int))c); }
static void wait_there(void *c) { chan_send((chan(int))c, 1); }

// ---- mutex: who holds it sleeps, so the others wait

static __attribute__((noinline)) void hold(void) {
    mutex_lock(&mutex);
    time_sleep(2000000);
    mutex_unlock(&mutex);
    sink++; // a call that comes last leaves no frame
}
static void contend(void *unused) {
    for (int i = 0; i < 5; i++)
        hold();
    waitgroup_done(&done);
}

// ---- block: a receiver waits for a slow sender

static void send_slowly(void *c) {
    for (int i = 0; i < 20; i++) {
        time_sleep(2000000);
        chan_send((chan(int))c, i);
    }
    chan_close((chan(int))c);
}
static __attribute__((noinline)) void receive_all(chan(int) c) {
    chan_for(v, c) sink += (uint64_t)v;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    chan(int) c = chan_make(int, 0), full = chan_make(int, 0);
    switch (what[0]) {
    case 'c': burn(); break;
    case 's': stop_often(); break;
    case 'h':
        keep();
        waste();
        gc_collect();
        break;
    case 'z': small_and_large(); break;
    case 'g':
        for (int i = 0; i < 10; i++)
            go(wait_here, c);
        for (int i = 0; i < 5; i++)
            go(wait_there, full);
        time_sleep(20000000);
        break;
    case 'm':
        waitgroup_add(&done, 4);
        for (int i = 0; i < 4; i++)
            go(contend, NULL);
        waitgroup_wait(&done);
        break;
    case 'b':
        go(send_slowly, c);
        receive_all(c);
        break;
    default: println("which?"); return 1;
    }
    return kept[0] == NULL && what[0] == 'h';
}
