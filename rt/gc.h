// gc.h -- the concurrent mark & sweep collector: its phases, and what its parts offer to each other and to the rest of rt.
//
// THE INVARIANT. The collector marks a *snapshot*: every object that was reachable at the instant of stop 1 is marked before stop 2, and so is every object
// made in between (they are born marked). What is unmarked at stop 2 was garbage at stop 1. Snapshot-at-the-beginning (Yuasa) needs: whoever
// removes a pointer from the heap while marking first shades (marks, queues) what it pointed to. Go adds a Dijkstra barrier (shading the new value, too), because its
// goroutines run on while their stacks wait to be scanned. Here a stack that has not been scanned does not run: stop 1 takes every goroutine off its core, and
// from then on a core scans a goroutine's stack before it first enters it again (gc_scan_before_run), unless a worker was there before. So all stacks are, in
// effect, snapshots of the one instant of stop 1, taken lazily, and the deletion barrier alone is sound. (bdwgc stops for all roots; Go 1.4 scanned
// all stacks in the stop.) What follows:
//  - the program's plain global variables are part of the snapshot: their words (app_data, app_bss) are shaded during stop 1, and writing them needs no barrier.
//    (Large pointer-free globals cost stop time: about a nanosecond a word.) Those of Go have barriers and are scanned concurrently (root.c).
//  - stack slots need no barrier: a stack is scanned as it was at stop 1, while nobody runs on it. Only direct hand-off (channels) writes into the stack of a parked, perhaps
//    unscanned goroutine: it shades what it overwrites. Nobody else writes other goroutines' stacks (the reason for escape.h).
//  - a goroutine's record (argument, panic value) is part of its stack. Timer heaps are runtime memory whose removal of a pointer shades it.
//  - a pointer loaded by a running goroutine is either in the snapshot (will be marked) or new (is marked). Storing it anywhere is harmless.
//  - racing stores to one cell may shade the same old value twice or miss a value that was new: sound, because only edges of the snapshot matter.
//  - barriers run in runtime text: a core cannot pass a stop between reading the flag, shading and storing. So the order of these does not matter.
//
// PHASES (gc.c):  off -> [finish sweeping] -> stop 1: flag on, globals shaded, cursors set -> mark: workers on 25 % of the cores, idle cores, assists
//  -> stop 2: buffers flushed; if work is left (bounded amount is done right there) marking goes on, else flag off, counts, next trigger, sweep begins -> off.
//
// WHO RUNS IT. A system goroutine, the coordinator, does the stops. Marking happens on system stacks out of schedule() (no goroutine is needed to mark, so a
// worker has nothing to save and can stop at any object), and in assists (sys_call from an allocation).
//
// A P catches up (gc_catch_up) when it passes schedule() for the first time after a stop of the collector, before it runs anything:
// P.gc.seen != gc.epoch says so. After stop 1: allocate black. After stop 2: give cached spans back.
#pragma once
#include "atomic.h"
#include "lock.h"

struct P;
struct G;
struct StackSeg;
struct Span;

typedef enum { GC_OFF, GC_MARK } GcPhase;

typedef struct Gc {
    _Atomic uint32_t barrier; // 1: marking; written with the world stopped. Everybody's hot word: alone in its cache line
    char pad[60];
    _Atomic uint32_t phase;   // GcPhase, the same
    _Atomic uint32_t epoch;   // + 1 at each stop of the collector; see gc_catch_up
    uint32_t cycle;           // number of the running or last cycle; written with the world stopped
    _Atomic uint32_t stacks_pending; // not all stacks have been scanned: a core must scan before it runs. While set, sched.global_high is biased, so
                                     // every switch goes through schedule()
    bool verify, poison;      // GODEBUG=gcverify=1
    bool profiled;            // every allocation goes the slow way: GODEBUG=heapprof
    uint32_t stress;          // GODEBUG=gcstress=n: a collection at every n-th slow allocation; 0: off
} Gc;
extern Gc gc;

// ---- per P, in P.gc: owner P only; anybody while the world is stopped
#define GC_BUFFER_WORDS 256u
typedef struct GcLocal {
    uint32_t seen;     // gc.epoch that this P has caught up with; hint_store by the owner, the coordinator waits for it
    uint32_t n_shaded; // values in shaded[]
    uintptr_t shaded[GC_BUFFER_WORDS]; // deletion barrier: old values, not looked at yet
    uint64_t noted;    // of them, looked at since gc_barrier_noted was last called
    struct WorkBuf *full, *spare; // mark.c: grey objects of this P
    uint64_t scanned_bytes;       // scan work done since it was last added to the totals
    uint64_t marked_objects, marked_bytes; // in this cycle, by this P
    // gcwork.c: workers. Roles are written at stops
    uint8_t worker;               // GcWorker
    bool busy_marking;            // dedicated, and there is work: this P runs only what nobody else may run
    int64_t next_turn;            // when the worker is due, ns; TIME_NEVER: no worker. Set at stops by hint_store: a core that sleeps takes interrupts, and reads it
    int64_t turn_end;             // of the turn under way
    int64_t fraction_ns, dedicated_ns, idle_ns; // times of this cycle. hint_store by the owner
} GcLocal;
typedef enum { GC_NO_WORKER, GC_DEDICATED, GC_FRACTIONAL, GC_IDLE } GcWorker;

// ================ barrier (barrier.c). Rt text on a goroutine's or the system stack; no lock of rank > RANK_RECORD may be held (a full buffer is looked at on the system stack)
// Old value of a cell that is about to be overwritten, or of a word that leaves a runtime-held place. Any word. Small: appends to P.gc.shaded.
void gc_shade_slow(uintptr_t old);
static inline void gc_shade(const void *old) {
    if (__builtin_expect(load_relaxed(&gc.barrier) != 0, 0)) gc_shade_slow((uintptr_t)old);
}
// Shades the words of [p, p + bytes), bytes multiple of 8: before a copy over them or a clear.
void gc_shade_words_slow(const void *p, uint64_t bytes);
static inline void gc_shade_words(const void *p, uint64_t bytes) {
    if (__builtin_expect(load_relaxed(&gc.barrier) != 0, 0)) gc_shade_words_slow(p, bytes);
}

// ================ marking (mark.c, scan.c, root.c). System stack.
// Stop 1, world stopped: resets cursors and counts, shades the program's globals.
void gc_mark_begin(void);
// Marks until `budget` bytes of scan work are done (0: no bound), nothing is left that this P can find, or enough(p) says so (asked every few objects).
// Takes from its own buffers, the global list, then root jobs (goroutine stacks, timers, specials, globals with bitmaps). Returns scan work done, bytes.
uint64_t gc_drain(struct P *p, uint64_t budget, bool (*enough)(struct P *p));
bool gc_work_exists(void);         // global list or root jobs: a hint for who has nothing
void gc_work_flush(struct P *p);   // own grey objects to the global list, counts to the totals; p: the caller's or stopped
void gc_barrier_flush(struct P *p); // looks at P.gc.shaded; p: the caller's or stopped
uint64_t gc_barrier_noted(void);    // world stopped: old values that barriers have noted since the last call
// World stopped: flushes all Ps' buffers and does at most `budget` bytes of work. True: nothing grey is left anywhere, all roots are done.
bool gc_mark_finish(uint64_t budget);
// Before p enters g while gc.stacks_pending: scans g's stack, or waits for who is at it. No locks.
void gc_scan_before_run(struct P *p, struct G *g);
// Sum over all Ps, world stopped.
void gc_marked(uint64_t *objects, uint64_t *bytes);
uint64_t gc_scan_work(void);       // bytes scanned in this cycle so far, over all Ps (a hint while marking)
uint64_t gc_work_bytes(void);      // pages that grey objects' buffers have taken, in use or kept: for MemStats
uint64_t gc_globals_bytes(void);   // the program's variables (root.c)
uint64_t gc_root_bytes(void);      // bytes of stacks and globals scanned in this cycle
// verify.c, world stopped, marking is over: every pointer of a marked object and of a root leads to a marked object, else a report naming both, and the end. GODEBUG=gcverify=1
void gc_verify(void);
// The stack of a goroutine below sp is dead: in verify mode it is cleared, so that stale words give no false alarms.
void gc_clear_dead_stack(struct G *g);
void gc_clear_segment(struct StackSeg *s); // one that a goroutine has just got. Small

// ================ the cycle (gc.c, gcctl.c), its workers (gcwork.c), assists (assist.c), the pacer (pacer.c)
void gc_init(void);                 // rt_main: knobs; makes the coordinator
// schedule(): before p does anything else, when P.gc.seen != gc.epoch.
void gc_catch_up(struct P *p);
// schedule(), while marking: runs the dedicated or fractional worker if it is this P's turn; true: it did, look at everything again.
bool gc_worker_turn(struct P *p);
// schedule(): the tick has announced a turn, or that there was no cycle for long (REQ_GC).
void gc_turn_asked(struct P *p);
// schedule(), nothing runnable: marks or sweeps a while if there is something; false: nothing to do, go idle.
bool gc_idle_turn(struct P *p);
bool gc_idle_wanted(const struct P *p); // there is something to mark: do not sleep. Any context
// mark.c, after it has put grey objects where all can take them: a core that sleeps helps. System stack, no locks.
void gc_enlist(void);
// root.c, when the last stack has been scanned (any core, once a cycle or more often): goroutines are switched to directly again. System stack, no locks.
void gc_stacks_done(void);
// heap_alloc's slow path, on the goroutine's stack after `bytes` were taken from central or as a large object: triggers a cycle, pays by assists or sweeping,
// counts for gcstress. May park. Holds no lock. Not called on a system stack.
void gc_allocated(uint64_t bytes);
// Out of memory: forces a whole cycle and its sweep and returns; false: this context cannot wait for one (system stack). Goroutine's stack.
bool gc_force(void);
// The caller's goroutine must stay on its core (package sync's pools allocate in such sections). It owes what it allocates, and pays when it allocates next; when memory
// is short it may use the page allocator's reserve. Only when that is used up, too, does gc_force make it leave, since the program would be over else. Any stack.
bool gc_must_stay(void);
// Deadline of this P's next turn, for the timer; TIME_NEVER: none. Small, also from interrupts.
int64_t gc_next_turn(const struct P *p);
// No cycle is under way until gc_admit: for who changes which cores there are (Go: stopTheWorldGC). Goroutine's stack; may park.
void gc_exclude(void);
void gc_admit(void);
void gc_credit_return(struct G *g); // g, which has assisted, ends. Small
// At the end of each cycle gc.c calls gc_figures_cycle and sets gc_figures.gc_cpu_ppm (memstats.h): MemStats is made of these.
// ---- what holds goroutines up (gcstats.c). All since the start; gcsummary=1 prints the longest, tests/bench/heap.c which of them made its longest stall
typedef enum {
    STALL_STOP,   // the world was stopped
    STALL_TURN,   // a worker had the core
    STALL_ASSIST, // a goroutine that allocates marked
    STALL_WAIT,   // it waited for a stop, not to run ahead of the cycle
    STALL_STACK,  // its stack, or another's that was to run, was scanned before it ran
    STALL_SWEEP,  // a refill swept: the longest alone is kept
    STALLS,
} StallCause;
typedef struct Stalls {
    _Atomic int64_t total_ns[STALLS], longest_ns[STALLS];
} Stalls;
extern Stalls stalls;
extern const char *const stall_names[STALLS];
void stall_count(StallCause cause, int64_t from, int64_t to); // any context
void gc_summary(void); // GODEBUG=gcsummary=1: at the program's end. System stack
// stop.c tells how this P's core came to its stop (StopWay), for the statistics.
typedef enum { STOP_IDLE, STOP_SCHED, STOP_CALL, STOP_ASYNC, STOP_DOOR, STOP_WORKER, STOP_WAYS } StopWay;

// ================ finalizers (finalizer.c): system stack
// Sweep, no lock of rank >= RANK_PLOCAL held, by whoever owns s unswept: an unmarked object with a finalizer in s is kept for this cycle (marked) and
// its finalizers are queued. Before the marks of s are turned into alloc bits. Objects that it kept since the start of the program, and their bytes:
// unmarked at stop 2 == swept + kept.
void special_sweep(struct Span *s);
bool special_keeps(const struct Span *s, uintptr_t obj); // obj, a slot of s that is not marked, waits for its finalizer. World stopped
void special_kept(uint64_t *objects, uint64_t *bytes);
// Stop 1, world stopped: what there is now are the roots of this cycle.
void special_mark_begin(void);
// Root job, any number of cores at once: takes a few finalizers and marks what their objects reach, not the objects themselves, and the
// arguments; of finalizers that wait to run, the objects too. False: none was left to take. (Never between taking and marking at a stop.)
bool special_mark_some(struct P *p);
bool special_mark_left(void); // hint; exact while the world is stopped

// ---- what it needs of marking (mark.c): system stack, while marking
void gc_mark_word(struct P *p, uintptr_t word);  // marks the object that word points into, if any
void gc_scan_object(struct P *p, uintptr_t obj); // has what the object at obj points to marked (now, or by a grey entry), not the object
