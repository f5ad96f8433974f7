// t_leak.c -- goroutines that nobody can wake, and some that somebody could: with GODEBUG=leak=1 the first kind is named, the other is not.
//
// judged by: tests/test_leak.py
// boot: none
// hosted: no (its argument says what leaks: some, many, slow)
#include "metal.h"

static chan(int) global;
static Mutex locked;
static WaitGroup never;

// ---- these leak

static void leaks_receive(void *c) { chan_recv((chan(int))c); }
static void leaks_send(void *c) { chan_send((chan(int))c, 1); }
// Holds the channel that another waits on, and waits itself for one that nobody has.
static void leaks_holder(void *c) {
    chan_recv(chan_make(int, 0));
    chan_send((chan(int))c, 1);
}
static void leaks_partner(void *c) { chan_recv((chan(int))c); }
static void leaks_select(void *c) {
    int x;
    chan_select(case_recv((chan(int))c, &x), case_send((chan(int))c, 1));
}
static void leaks_nil(void *unused) { chan_recv((chan(int))NULL); }

// ---- these do not

static void stays_global(void *unused) { chan_recv(global); }
// Would wake its partner when somebody wakes it.
static void stays_holder(void *c) {
    chan_recv(global);
    chan_send((chan(int))c, 1);
}
static void stays_partner(void *c) { chan_recv((chan(int))c); }
static void stays_select(void *c) {
    int x;
    chan_select(case_recv((chan(int))c, &x), case_recv(global, &x));
}
static void stays_mutex(void *unused) { mutex_lock(&locked); }
static void stays_group(void *unused) { waitgroup_wait(&never); }
static void stays_asleep(void *c) {
    time_sleep(3600 * 1000000000ll);
    chan_send((chan(int))c, 1);
}

static __attribute__((noinline)) void start(bool leaks) {
    global = chan_make(int, 0);
    chan(int) held = chan_make(int, 0), slept = chan_make(int, 0);
    go(stays_global, NULL);
    go(stays_holder, held);
    go(stays_partner, held);
    go(stays_select, chan_make(int, 0));
    go(stays_mutex, NULL);
    go(stays_group, NULL);
    go(stays_asleep, slept);
    go(stays_partner, slept);
    if (!leaks) return;
    chan(int) lost = chan_make(int, 0);
    go(leaks_receive, chan_make(int, 0));
    go(leaks_send, chan_make(int, 0));
    go(leaks_holder, lost);
    go(leaks_partner, lost);
    go(leaks_select, chan_make(int, 0));
    go(leaks_nil, NULL);
}

// Channels side by side: a pointer to one is a pointer behind another.
static __attribute__((noinline)) void start_many(void) {
    for (int i = 0; i < 20; i++)
        go(leaks_receive, chan_make(int, 0));
}

// Over what start has left on the stack and in registers.
static __attribute__((noinline)) uint64_t overwrite(void) {
    volatile uint64_t words[256];
    for (int i = 0; i < 256; i++)
        words[i] = (uint64_t)i;
    return words[17];
}

int main(int argc, char **argv) {
    mutex_lock(&locked);
    waitgroup_add(&never, 1);
    bool slow = argc > 1 && argv[1][1] == 'l'; // for schedtrace
    bool many = argc > 1 && argv[1][0] == 'm';
    if (many) start_many();
    start(argc > 1 && !slow && !many);
    time_sleep(slow ? 1000000000 : 20000000);
    for (int i = 0; i < 100; i++)
        gosched(); // on one core: the others are where they wait by now
    return overwrite() != 17;
}
