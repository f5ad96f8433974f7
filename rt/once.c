// once.c -- Once: run a function one time, even if it panics.
#include "core.h"
#include "api/sync.h"

static void finish(void *arg) {
    Once *o = arg;
    __atomic_store_n(&o->done, 1,
                     __ATOMIC_RELEASE); // pairs with the load in once_do: who sees it sees all that fn did
    mutex_unlock(&o->mutex);
}

// Calls the application: no lock of the runtime, no core remembered; the frame may be left by a panic, hence
// defer.
void once_do_slow(Once *o, void (*fn)(void *), void *arg) {
    mutex_lock(&o->mutex);
    if (__atomic_load_n(&o->done, __ATOMIC_RELAXED)) {
        mutex_unlock(&o->mutex);
    } else {
        defer(finish, o);
        fn(arg);
    }
    RT_DOOR();
}
