// t_rtloop.c -- a loop that only calls the runtime is preempted.
//
// `for (;;) door();` meets no prologue of the application, and its ticks land in runtime text, where no
// goroutine is taken off. With one core in use, another goroutine gets its turn only if the runtime gives the
// core up at its doors. One round for each kind of door.
//
// smp: 2
#include "metal.h"

#define ENOUGH 10 // turns of the other goroutine while the loop runs

static _Atomic bool stop;
static _Atomic int others_turns, ended;
static chan(int) empty, one;
static Mutex mutex;
static Semaphore permits;
static AtomicPtr pointer;

// The door stands in the loop itself: a function around it would have a prologue.
#define LOOP(name, door)                                                                                     \
    static void name(void *unused) {                                                                         \
        while (!load_relaxed(&stop)) {                                                                       \
            door;                                                                                            \
        }                                                                                                    \
        fetch_add(&ended, 1);                                                                                \
    }
static uint64_t sum;
static char text[40], block_a[4096], block_b[4096];
LOOP(loop_ids, sum += goroutine_id() + (uint64_t)core_id())
LOOP(loop_recv, chan_try_recv(empty, NULL, NULL))
LOOP(loop_buffer, chan_send(one, 1); chan_recv(one))
LOOP(loop_mutex, mutex_lock(&mutex); mutex_unlock(&mutex))
LOOP(loop_try_lock, if (mutex_try_lock(&mutex)) mutex_unlock(&mutex))
LOOP(loop_sema, semaphore_release(&permits); semaphore_acquire(&permits))
LOOP(loop_alloc, sum += new_try(i64) == NULL)
LOOP(loop_time, sum += (uint64_t)time_now_ns())
LOOP(loop_count, sum += (uint64_t)goroutine_count())
LOOP(loop_format, str_format(text, sizeof text, "%d %s", 7, "x"))
LOOP(loop_memory, mem_copy(block_a, block_b, sizeof block_a))
LOOP(loop_compare, sum += (uint64_t)memcmp(block_a, block_b, sizeof block_a))
LOOP(loop_pointer, atomic_ptr_store(&pointer, &pointer))

typedef struct Door {
    const char *name;
    void (*loop)(void *);
} Door;
static const Door doors[] = {
    {"goroutine_id, core_id", loop_ids},
    {"chan_try_recv", loop_recv},
    {"chan_send, chan_recv of a buffer", loop_buffer},
    {"mutex_lock", loop_mutex},
    {"mutex_try_lock", loop_try_lock},
    {"semaphore", loop_sema},
    {"new", loop_alloc},
    {"time_now_ns", loop_time},
    {"goroutine_count", loop_count},
    {"str_format", loop_format},
    {"mem_copy", loop_memory},
    {"memcmp", loop_compare},
    {"atomic_ptr_store", loop_pointer},
};

static void other(void *unused) {
    int64_t give_up = plat_now_ns() + 20 * SECOND;
    for (int i = 0; i < ENOUGH && plat_now_ns() < give_up; i++) {
        fetch_add(&others_turns, 1);
        gosched();
    }
    store_seq(&stop, true);
    fetch_add(&ended, 1);
}

int main(int argc, char **argv) {
    empty = chan_make(int, 0);
    one = chan_make(int, 1);
    gomaxprocs(1);
    sched_set_slice(1000000);
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++) {
        store_seq(&stop, false);
        store_seq(&others_turns, 0);
        store_seq(&ended, 0);
        go(doors[i].loop, NULL);
        go(other, NULL);
        bool both = WAIT_UNTIL(load_seq(&ended) == 2, 40);
        if (!both) { // the loop still owns the core now and then: say which, and end
            check_true(doors[i].name, false);
            return check_end("t_rtloop");
        }
        check_equal(doors[i].name, load_seq(&others_turns), ENOUGH);
    }
    return check_end("t_rtloop");
}
