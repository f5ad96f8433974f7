// pprof_heap.c -- runtime.MemProfile: a program that is linked with it (as runtime/pprof is) takes the heap profile from its start, as with Go's linker.
//
// The table is rt/profile_heap.c's. It only grows, so it is read while others go on; what has been freed is read before what has been allocated, and never
// seems to be more.
#include "pprof.h"
#include "../profile.h"
#include "../sched.h"

extern uint64_t go_mem_profile_rate GO("runtime.MemProfileRate");

static void start(void *unused) {
    if (!profile_heap_table) profile_heap_start(&go_mem_profile_rate);
    else go_mem_profile_rate = *profile_heap_rate; // asked for by a knob
    profile_wanted |= PROFILE_HEAP;
}
void rt_go_heap_profile(void);
void rt_go_heap_profile(void) { world_stopped_do(start, NULL); }

typedef struct MemRecord { int64_t alloc_bytes, free_bytes, alloc_objects, free_objects; uintptr_t stack[32]; } MemRecord;
typedef struct Fill { MemRecord *to; const ProfileBucket *from; } Fill;

static void fill(void *arg) {
    const Fill *f = arg;
    const uint64_t *v = f->from->value;
    f->to->free_objects = (int64_t)hint_load(&v[2]);
    f->to->free_bytes = (int64_t)hint_load(&v[3]);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    f->to->alloc_objects = (int64_t)hint_load(&v[0]);
    f->to->alloc_bytes = (int64_t)hint_load(&v[1]);
    go_profile_stack(f->to->stack, 32, f->from->pc, f->from->depth, false);
}

static bool wanted(const ProfileBucket *b, bool unused_too) { return unused_too || hint_load(&b->value[3]) != hint_load(&b->value[1]); }

GoCount go_mem_profile(GoSlice p, bool unused_too) GO("runtime.MemProfile");
GoCount go_mem_profile(GoSlice p, bool unused_too) {
    intptr_t n = 0;
    for (const ProfileBucket *b = NULL; (b = proftab_next(profile_heap_table, b));)
        n += wanted(b, unused_too);
    if (n > p.len) return (GoCount){n, false};
    n = 0;
    for (const ProfileBucket *b = NULL; n < p.len && (b = proftab_next(profile_heap_table, b));) {
        if (!wanted(b, unused_too)) continue;
        Fill f = {(MemRecord *)p.p + n++, b};
        sys_call(fill, &f);
        RT_DOOR();
    }
    return (GoCount){n, true};
}
const FuncVal go_mem_profile_f GO("runtime.MemProfile..f") = {(void (*)(void))go_mem_profile}; // the package has none (scripts/go.mk)
