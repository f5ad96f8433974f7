// t_nil.c -- NULL given to a door that stands for an access of the program's (Go: *dst = *src, wg.Add(1), b.WriteString(s)) is a panic of the caller, recoverable as any
// other. (t_leaf.c has those that are left by the fault itself.)
#include "check.h"

static void *volatile nil;
static bool recovered;
static void note(void *unused) {
    Any v = recover();
    recovered = panic_is_runtime_error(v) && strcmp(panic_text(v), "runtime error: invalid memory address or nil pointer dereference") == 0;
}

typedef struct Node {
    long n[3];
    cell(struct Node *) next;
    AtomicPtr one;
    WaitGroup group;
} Node;
TYPE_STRUCT(Node, next, one);
#define NIL ((Node *)nil)

// Numbers have no barrier, and are copied by another function.
typedef struct Plain {
    long n[3];
} Plain;
TYPE_NOSCAN(Plain);

#define DOORS(X)                                                                                                       \
    X(value_copy(Node, NIL, new (Node)))                                                                               \
    X(value_copy(Node, new (Node), NIL))                                                                               \
    X(value_clear(Node, NIL))                                                                                          \
    X(value_copy(Plain, (Plain *)nil, new (Plain)))                                                                    \
    X(value_copy(Plain, new (Plain), (Plain *)nil))                                                                    \
    X(value_clear(Plain, (Plain *)nil))                                                                                \
    X(atomic_ptr_store(&NIL->one, NULL))                                                                               \
    X(atomic_ptr_swap(&NIL->one, NULL))                                                                                \
    X(atomic_ptr_cas(&NIL->one, NULL, NULL))                                                                           \
    X(read_mem_stats(nil))                                                                                             \
    X(builder_add(nil, string_of("x")))                                                                                \
    X(builder_add_bytes(nil, "x", 1))                                                                                  \
    X(builder_add_rune(nil, 'x'))                                                                                      \
    X(builder_add_int(nil, 1))                                                                                         \
    X(builder_grow(nil, 1))                                                                                            \
    X(timer_chan(nil))                                                                                                 \
    X(timer_stop(nil))                                                                                                 \
    X(timer_reset(nil, 1))                                                                                             \
    X(ticker_chan(nil))                                                                                                \
    X(ticker_stop(nil))                                                                                                \
    X(ticker_reset(nil, 1))                                                                                            \
    X(mutex_lock(nil))                                                                                                 \
    X(mutex_unlock(nil))                                                                                               \
    X(mutex_try_lock(nil))                                                                                             \
    X(rwmutex_rlock(nil))                                                                                              \
    X(rwmutex_runlock(nil))                                                                                            \
    X(rwmutex_try_rlock(nil))                                                                                          \
    X(rwmutex_lock(nil))                                                                                               \
    X(rwmutex_try_lock(nil))                                                                                           \
    X(rwmutex_unlock(nil))                                                                                             \
    X(waitgroup_add(&NIL->group, 1))                                                                                   \
    X(waitgroup_done(&NIL->group))                                                                                     \
    X(waitgroup_wait(&NIL->group))                                                                                     \
    X(cond_wait(nil))                                                                                                  \
    X(cond_wait(&(Cond){0}))                                                                                           \
    X(cond_signal(nil))                                                                                                \
    X(cond_broadcast(nil))                                                                                             \
    X(semaphore_acquire(nil))                                                                                          \
    X(semaphore_try_acquire(nil))                                                                                      \
    X(semaphore_release(nil))

static int wanted;
static const char *name; // of the door that is wanted; NULL: there are no more
static void one(void) {
    catch_panics();
    defer(note, NULL);
    int at = 0;
    name = NULL;
#define X(call)                                                                                                        \
    if (at++ == wanted) {                                                                                              \
        name = #call;                                                                                                  \
        (void)(call);                                                                                                  \
        return;                                                                                                        \
    }
    DOORS(X)
}

TYPE_SLICE(Node);
int main(int argc, char **argv) {
    for (wanted = 0;; wanted++) {
        recovered = false;
        one();
        if (!name) break;
        if (recovered) continue;
        println("no such panic: %s", name);
        CHECK(recovered);
    }
    CHECK_RANGE(wanted, 40, 40);
    // Nothing is copied from nowhere to nowhere: nil slices.
    slice(Node) none = {0};
    CHECK(slice_copy(Node, none, none) == 0);
    slice_clear(Node, none);
    none = slice_append_slice(Node, none, none);
    CHECK(none.p == NULL);
    return check_end("t_nil");
}
