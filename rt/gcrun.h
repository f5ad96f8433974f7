// gcrun.h -- what the parts of the collector's cycle share: gc.c, gcctl.c, gcwork.c, assist.c, gctrace.c.
#pragma once
#include "gcstats.h"
#include "pacer.h"
#include "sched.h"

// The cycle under way, or the last one. Plain fields are written by the coordinator at stops (world stopped) or before stop 1.
typedef struct GcCycle {
    int64_t sweep_term_ns; // stop 1 was asked for
    int64_t mark_ns;       // the world went on, marking
    int64_t mark_term_ns;  // the last stop 2 was asked for
    int64_t end_ns;        // the world went on, marking is over
    int64_t stop2_ns;      // earlier stops 2, which found that marking was not over: their sum
    int procs;             // Ps in use
    int shared;            // of these, not owned by a goroutine: the workers' 25 % are theirs
    int dedicated;         // Ps that do nothing but mark
    uint64_t share;        // part of the other Ps' time for marking, in 1 / SHARE_ONE; 0: none
    bool forced;           // by gc_collect or for want of memory
    uint32_t returns;      // stops 2 after which marking went on
    uint64_t heap0, heap1, heap2; // live bytes at stop 1, at stop 2, marked
    uint64_t goal;
    uint64_t marked_objects, marked_bytes, black_objects, black_bytes, unmarked_objects, unmarked_bytes;
    uint64_t freed_objects, freed_bytes, kept_objects, kept_bytes; // swept, kept by finalizers, since the start of the program
    StopFigures stop1, stop2;
    uint64_t scan_work;
    uint64_t noted, noted_before; // old values that barriers noted: while marking; between the end of the marking before and stop 1, where they are off
    int64_t fraction_ns, dedicated_ns, idle_ns; // sums over all Ps, at the end
    int marked_whole, marked_in_turns;          // Ps that had a part in the first, in the second
    // any core
    _Atomic uint32_t markers;    // cores and assists that are marking now
    _Atomic uint32_t seems_done; // nothing was left: the coordinator looks
    _Atomic int64_t assist_ns, assist_longest_ns;
    _Atomic int64_t stacks_ns;   // when the last stack had been looked at
    _Atomic uint64_t scanned;    // scan work so far: what turns and assists have reported
} GcCycle;
extern GcCycle gc_cycle;

#define SHARE_ONE 65536u

// ---- gc.c
void gc_run_cycle(void);           // the coordinator
bool gc_sweep_all(P *p);           // true: everything is swept. False: p (the caller's) has something more urgent to do. System stack
uint64_t gc_cpu_ppm(void);         // part of the machine's time since the start, in millionths

// ---- gcctl.c
G *gc_coordinator(void);
void gc_wait_marked(void);         // the coordinator: until marking seems done
void gc_release_starters(void);    // the coordinator, after a stop: who waits in gc_wait_marking looks again
void gc_wake_coordinator(void);    // marking seems done
uint64_t gc_request(bool forced);  // a cycle that begins after this call: its number. Any stack, no locks of rank >= RANK_GC
void gc_trigger(void);             // the heap has grown enough: a cycle, unless one is under way. Likewise
void gc_wait_marking(void);        // parks until the cycle that is due has passed stop 1; while gc_ahead(), stop 2. Goroutine's stack

_Noreturn void gc_resume(P *p, G *g); // g, which has left its stack for the collector's work, goes on in the same slice

// ---- gcwork.c
void gc_share_out(GcCycle *c);     // stop 1: gives the Ps their roles
void gc_dismiss(void);             // stop 2: takes them away
void gc_marker_enter(void);
void gc_marker_leave(P *p);        // flushes; the last one who sees nothing left tells the coordinator
extern _Atomic uint32_t gc_sweep_left; // 0: heap_sweep_step has said that nothing is left to take

// ---- gctrace.c
void gc_trace_cycle(const GcCycle *c); // the coordinator, after the cycle
typedef struct GcSwept {
    uint64_t objects, bytes, kept, kept_bytes; // freed; kept for their finalizers
} GcSwept;
void gc_trace_sweep(const GcSwept *s); // all is swept

// ---- gcreport.c: the coordinator, at the same moments
void gc_report_marked(const GcCycle *c);
void gc_report_swept(const GcSwept *s);

// ---- pace.c
typedef struct GcPace {
    Pacer pacer;
    PacerMemory memory; // when goal and trigger were reckoned
    uint64_t goal, trigger;
    _Atomic uint64_t look_at;
    bool due; // a cycle has been asked for and has not passed stop 1. Under pace_lock
    int64_t period_ns;
    CpuLimiter limiter;
    _Atomic bool limiting;
    _Atomic int64_t limiter_ns;             // where its last window ended
    int64_t limiter_assists, limiter_idle;
    int64_t limiter_workers;                // a quarter of the time, as it was counted in this cycle
} GcPace;
extern GcPace gc_pace;
void gc_pace_init(void);               // system stack
void gc_pace_look(void *due);          // system stack, no locks; due: uint64_t, 1: a cycle is due, the caller waits for stop 1
bool gc_pace_period_over(void);        // two minutes without a cycle: true for one caller
int64_t gc_pace_period_end(void);      // when that will be; TIME_NEVER: not, or a cycle is under way. Small, also from interrupts
void gc_pace_begin(GcCycle *c);        // stop 1
void gc_pace_end(const GcCycle *c);    // stop 2, after heap_sweep_begin
uint64_t gc_pace_ratio(uint64_t scanned); // while marking: scan work per byte of allocation, in 1 / PACE_ONE
// What the time since the CPU limiter's last window was spent with: its assists are counted in gc_cycle.assist_ns.
typedef enum { WINDOW_PROGRAM, WINDOW_MARKING, WINDOW_STOPPED } LimiterWindow;
void gc_limiter_update(int64_t now, LimiterWindow what, bool always); // a window ends; always: however short

// ---- assist.c
void gc_credit_add(int64_t work); // of workers. System stack
void gc_credit_return(G *g);      // g ends
void gc_assists_begin(void);      // stop 1
bool gc_ahead(void);             // the heap is beyond its goal, and nothing is left to mark: only stop 2 can help
void gc_assists_end(void);        // after stop 2; goroutine's stack
