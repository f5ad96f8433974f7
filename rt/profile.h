// profile.h -- profiles: where time goes, where memory comes from, where goroutines are and what they wait for (docs/seeing.md).
#pragma once
#include "core.h"

enum { PROFILE_CPU = 1, PROFILE_HEAP = 2, PROFILE_GOROUTINE = 4, PROFILE_MUTEX = 8, PROFILE_BLOCK = 16 };
extern uint32_t profile_wanted; // written by rt_main, or by one core with the world stopped; PROFILE_CPU: a hint (profile_cpu_begin)

void profile_start(void);          // rt_main: knobs, tables. Before the other cores run
void profile_core_begins(P *p);    // p's core, before it enters the scheduler
void profile_goroutines(void *unused); // where each of them is: world stopped, or the other cores frozen. System stack
void profile_close(void);          // nothing is counted any more. Any context
void profile_write_out(void);      // to the side channel. System stack; others may still run

// Interrupt: a sample of this core, if it is time, and the next time. TIME_NEVER: none.
int64_t profile_tick(P *p, const TrapFrame *tf, int64_t now);
// watch.c: g, which waited since g->wait_since_ns, is about to be ready; by: who says so, running on this core, or NULL. System stack.
void profile_waited(G *g, const G *by);

// ---- profiles that a program in Go takes by itself (go/pprof.c). On the system stack; one caller at a time
struct ProfileTable;
bool profile_cpu_begin(uint32_t hz); // false: no memory. Counts are value[1] of each core's P.samples, from 0 on; by labels (ProfileBucket.label)
uint64_t profile_cpu_end(void);      // nobody adds to value[1] any more. How many samples a second were taken
void profile_cpu_forget(void *unused); // when they have been read. World stopped: nobody is marking labels
void profile_waits(void *rates);     // World stopped. rates: WaitRates
void profile_blocked(void *ns);      // the running goroutine says that it has waited for so long (uint64_t)
typedef struct WaitRates {
    int64_t block, mutex; // as knobs blockprof, mutexprof; 0: no more; below 0: as it is
    bool failed;          // no memory
} WaitRates;
extern uint64_t profile_block_rate, profile_mutex_rate; // 0: not taken. Hints
extern struct ProfileTable *profile_blocks, *profile_contention; // values: times and ns, what they stand for; times and ns as they were. NULL: never taken
extern struct ProfileTable *profile_heap_table;                  // NULL: not taken. values: objects and bytes allocated, freed

// ---- profile_heap.c
void profile_heap_start(const uint64_t *rate); // bytes for each sample, 0: none; read again and again. Before others allocate, or the world stopped
void profile_heap_write_out(int64_t duration);
void profile_heap_marked(void);    // world stopped, marking is over, nothing is swept yet
// alloc.c, while gc.profiled: an object was made. Goroutine's or system stack.
void profile_alloc_slow(void *object);
extern const uint64_t *profile_heap_rate;
static inline void profile_alloc(void *object, size_t size) {
    P *p = p_self();
    p->alloc_left -= (int64_t)size;
    if (p->alloc_left < 0 || p->alloc_rate != hint_load(profile_heap_rate)) profile_alloc_slow(object);
}
