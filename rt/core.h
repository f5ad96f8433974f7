// core.h -- G, P and Sched: the scheduler's nouns, and what its parts offer to each other.
//
// A *G* is a goroutine; a *P* is a core (M and P in one, nothing here blocks in a system call). A P runs either
// a goroutine on the goroutine's own segmented stack, or the scheduler on its system stack. Story: HACKING.md.
//
// Ownership of a G's stack and saved state (states as in Go's runtime2.go, by what they permit):
//   G_RUNNABLE  in exactly one queue; nobody runs it
//   G_RUNNING   its P owns it; g->p says which
//   G_WAITING   owned by whoever will ready it, exactly once; its stack is written by others only under the lock of
//               the object it waits on
//   G_DEAD      in a free pool, or being born
// g->on_cpu is set while a core still stands on g's stack. It trails the state: a parked G becomes G_WAITING before the
// core has left its stack. g_ready waits for on_cpu == 0 before it queues g, so whoever takes g from a queue may switch to it.
#pragma once
#include "atomic.h"
#include "gc.h"
#include "heap.h"
#include "lock.h"
#include "mem.h"
#include "page.h"
#include "plat.h"
#include "rt.h"
#include "type.h"
#include "api/base.h"

// General registers only on the metal, libc's when hosted.
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#define STACK_FIRST   SEG_MIN // first segment, bytes
// Guard above the segment's base: what prologues may leave unchecked (256) plus rt (480, proven for release builds by check_stack.py).
#ifdef RT_DEBUG
#define STACK_SLACK 1024u // checks make rt's frames larger
#else
#define STACK_SLACK 768u
#endif
#define STACK_UNUSED  0u // bytes above the base that are never part of the stack; the sanitizer builds keep something there
#define STACK_SEG_MAX (256u << 10)
#define STACK_KEEP    (128u << 10) // kept segments: several only of less (stack.c)
#define STACK_LIMIT   1000000000ull // default of SetMaxStack, as Go's

typedef enum { G_IDLE, G_RUNNABLE, G_RUNNING, G_WAITING, G_DEAD } GState;

// ---- saved whole context of a goroutine that was preempted where it stood (preempt.c)
typedef struct Ctx {
    TrapFrame tf;
    struct Ctx *next; // in P.spare
    uint64_t reserved;
    uint8_t fpu[] __attribute__((aligned(64))); // rt_fpu_bytes
} Ctx;

// ---- header at the top of each stack segment; memory [base, (char*)seg + sizeof *seg)
typedef struct StackSeg {
    struct StackSeg *older; // the segment below in call order; NULL: first
    struct StackSeg *newer; // kept for the next growth, as are those behind it; NULL: none
    uintptr_t base;         // lowest address
    size_t bytes;           // base + bytes == (uintptr_t)(seg + 1)
    uintptr_t live;         // of a segment that another one follows in the call order: lowest address in use. __morestack writes it
} StackSeg;

// A fault of the program that becomes a panic. pc 0: none.
typedef struct Fault {
    uintptr_t pc, addr;
    uint8_t kind; // FaultKind
} Fault;

// A million of them may be parked: in order of size where that saves room, and no byte more than a block of records divides well into (g.c).
struct G {
    // read by assembly: offsets generated
    uintptr_t sp;    // saved rsp of a voluntary switch
    uintptr_t guard; // base of the current segment + STACK_SLACK
    Ctx *ctx;        // non-NULL: resume from here instead of sp
    _Atomic uint32_t on_cpu;
    uint32_t mxcsr; // per goroutine, with fcw
    uint16_t fcw;
    uint8_t priority;    // Priority
    uint8_t wait_reason; // WaitReason, while G_WAITING
    _Atomic uint32_t state; // GState
    StackSeg *seg;          // current segment
    size_t stack_bytes;     // sum of segments in use (kept ones excluded)

    P *p;    // while running; last P otherwise
    G *next; // link of the queue it is in (runq lists, free pool, inbox)
    uint64_t id;
    int32_t pinned;       // core it must run on, -1: any. Written by itself or before birth
    uint32_t pin_depth;   // LockOSThread nesting
    int16_t pinned_before; // own_core: where it was bound before
    bool special;        // pinned or not of normal priority: never in a ring. Set by g_set_special
    bool own_core, system, dying;
    bool pinned_by_lock;
    bool panic_on_fault;  // debug.SetPanicOnFault: own
    uint8_t unpreemptible; // depth of sections in application text that must stay on their core (rt/go/pin.c)
    bool gc_listed;        // root.c: in the list of those with a part left, under its lock
    // waking (chan.c, select.c): what the waker tells
    bool wake_ok;         // false: because the channel was closed
    _Atomic uint32_t select_done; // 0 -> 1 by the first waker of a select
    void *wake_param;     // Waiter that fired
    // panics and defers (panic.c): owner only
    struct Defer *defers;
    struct Panic *panic;       // innermost under way
    struct Panic *recoverable; // what recover() may stop now
    struct CatchFrame *catches;
    // the same of Go code (rt/go/panic.c): owner only
    struct GoDefer *go_defers;
    struct GoPanic *go_panics;
    void *go_labels; // rt/go/pprof.c: on the heap. Written by itself and before birth; read by its core's interrupts. Not cleared at its end
    int go_errno; // rt/go/libc.c
    uint32_t slices;         // time slices used up (preemptions)
    uintptr_t wait_since_ns; // for the dump: when it parked, 0 if not measured
    uintptr_t entry_pc, created_by_pc;
    uint64_t created_by_id;
    struct Waiter *waiting; // list of Waiters (roots) while parked on channels; NULL otherwise
    struct Timer *timer;    // sleep timer while parked in sleep
    Fault fault;          // panic.c: that becomes a panic just now; pc 0: none does
    _Atomic(G *) all_next;  // allgs (g.c), never unlinked; appended under its lock
    // collector
    StackSeg *gc_seg;         // owner of the claim: where the part begins that is left
    uintptr_t gc_at;
    struct G *gc_next;        // root.c's list of those with a part left, under its lock
    _Atomic uint32_t gc_scan; // 2 * cycle: its stack has been scanned in that cycle; + 1: somebody is at it; - 1: a part is left (root.c)
    uint32_t assists;         // paid so far
    uint64_t assist_ns;       // time spent on them
    int64_t gc_wait_from;     // gcctl.c: since when it waits for a stop
    int64_t gc_credit;        // assist.c: bytes that it may allocate before it owes marking; negative: it owes
    uint32_t gc_credit_cycle; // valid in that cycle only
    uint32_t trace_seq;       // events about it
    uint64_t trace_id;        // what the trace knows it by; another one: it was born since (trace.c). With trace_seq, its owner's
    const void *wait_on;      // for leak.c, while that is wanted: what it waits for; wait_n > 0: so many SelectCases
    uint32_t wait_n, leak_wave;
};

// ---- run queue: a ring, owner adds, owner and thieves take (runq.c)
// Room for a thousand: what does not fit goes through the global queue, at four times the price of a switch. (The simulator has a shorter one.)
#ifndef RUNQ_SIZE
#define RUNQ_SIZE 1024u
#endif
#define RUNQ_BATCH 128u // that spill, or are stolen, at once: at most
typedef struct RunQ {
    _Atomic(G *) slot[RUNQ_SIZE]; // first: so that a slot's address is one operand
    _Atomic uint32_t head; // thieves and owner: CAS acq_rel; pairs with store_release(tail)
    _Atomic uint32_t tail; // owner only
    _Atomic(G *) runnext; // next to run, ahead of the ring; thieves may take it last
} RunQ;

typedef struct GList { G *head, *tail; size_t n; } GList;

enum { WAKE_LOOK = 1, WAKE_CLAIMED = 2, WAKE_START = 4 }; // see idle.c
typedef enum { P_IDLE, P_RUNNING, P_STOPPED, P_OFF } PState;

// A core's events, outside of interrupts and in them (trace.c).
typedef struct TraceBuf {
    struct TraceEvent *event;
    uint32_t room, next; // next: the writer's own, n % room
    _Atomic uint64_t n;  // ever written, release by the only writer: the last room - 1 of them are there
} TraceBuf;

// Request bits of P.request: why this core should pass through the scheduler. Set by its own interrupt handler or by other
// cores (atomic or); taken all at once by the scheduler (exchange), which then looks at the real state: a bit is a hint.
enum {
    REQ_YIELD = 1, // slice over
    REQ_TIMER = 2, // a timer is due
    REQ_INBOX = 4, // goroutines in the inbox
    REQ_STOP = 8,  // world stop wanted
    REQ_NOW = 16,  // something more urgent than the current goroutine is ready
    REQ_GC = 32,   // a marking turn is due
    REQ_SCHEDTRACE = 64, // core 0 says what the scheduler looks like
};

struct P {
    // read by assembly and by the machine through %gs: offsets generated, self is 0
    P *self;
    G *g;                     // running goroutine; NULL: scheduler
    uintptr_t sys_sp;         // top of the system stack, 16-byte aligned
    _Atomic uint32_t request; // REQ_*
    uint32_t id;              // core number, index in rt_ps
    Ctx *spare;               // contexts for asynchronous preemption (interrupt takes one, scheduler refills)
    void *cpu;                // the machine's own
    uintptr_t sys_lo;
    uintptr_t sys_save; // goroutine's rsp while sys_call runs

    uint64_t tcb[32]; // %fs base on the metal: [0] self, [5] canary, [14] = 0x70 stack guard

    _Atomic uint32_t wake;  // plat_idle returns when not 0; WAKE_*, see idle.c
    _Atomic uint32_t state; // PState
    _Atomic(G *) inbox;     // lock-free stack of ready goroutines from interrupts and other cores
    uint32_t spare_count;
    uint32_t steps; // single steps since the last preemption (trapstep)

    RunQ runq;
    uint32_t sched_tick;   // switches; owner writes
    uint32_t inherited;    // of these, to a goroutine that another had just readied: they share a slice (p_turn). Owner writes
    uint32_t tick_seen;    // p_turn at the last slice tick; hint_store by the owner and its interrupts, in a stop by who empties the queue
    struct G *interrupted; // in front of the queue, put there when its slice had seen a tick already: it goes on with that slice. Owner only
    int32_t until_global;  // switches until the global queue gets its turn
    bool slice_armed;      // a slice tick is programmed
    bool slice_spent;      // a slice ended: the ring goes before runnext once. Set by the tick, cleared by runq_get_in_turn
    bool spinning;         // counted in sched.spinning
    bool reserved_by_g;    // own core: only `owner` runs here
    bool asleep;           // stopped or out of use, in plat_idle. hint_store by the owner, read by its interrupts (profile.c)
    G *owner;
    int64_t slice_end;     // ns
    int64_t armed;         // deadline programmed in the timer, TIME_NEVER: none
    uint32_t irq_arms;     // times that an interrupt has programmed it
    uint64_t rand;         // xorshift

    Lock local_lock;              // guards local[]
    GList local[3];               // per Priority: pinned goroutines and those of other than normal priority
    _Atomic uint32_t local_count; // total; read without the lock as a hint

    Lock timers_lock; // guards timers (timer.c)
    struct TimerHeap { struct Timer **v; uint32_t n, cap; } timers;
    _Atomic int64_t timer_next; // deadline of the earliest timer; TIME_NEVER: none

    G *gfree;          // dead goroutines, first segment attached
    uint32_t gfree_count;
    uint64_t goid_next, goid_end;

    PageCache page_cache;
    SegCache seg_cache;
    HeapCache heap;
    GcLocal gc;
    TraceBuf trace[2];
    int64_t profile_next; // preempt.c: when this core is to be sampled next; TIME_NEVER: not
    struct ProfileTable *samples; // of its interrupts (profile.c)
    int64_t alloc_left;   // bytes until an allocation is sampled (profile_heap.c)
    uint64_t alloc_rate;  // for which alloc_left was chosen
    _Atomic uint32_t sampling; // an interrupt of this core uses samples (profile.c)
    uint8_t stop_way; // StopWay of the latest stop: set by whoever took the goroutine off, read by stop.c
    int64_t stopped_ns; // when it came to its latest stop

    // debug: locks held, innermost last
    uint32_t held_count;
    struct ReportCapture *capture; // report.h: where reports of this core go; own core only
    const Lock *held[8];
    // statistics, owner writes
    int64_t idle_since, idle_ns; // sleeping since, 0: not; slept so far, or marked for want of anything else. hint_store by the owner
    uint64_t n_created, n_exited; // goroutines, system ones excluded; their sum over all Ps counts the living
    uint64_t n_switch, n_steal, n_preempt_async, n_preempt_call, n_preempt_door, n_idle, n_irq, n_splits;
    char pad[64];
};

typedef struct Sched {
    int nproc;             // Ps in use (GOMAXPROCS): changed with the world stopped
    int ncpu;              // Ps that exist
    _Atomic uint32_t idle_count, spinning; // Dekker with queue tails: see sched.c
    _Atomic uint64_t idle_mask[PLAT_MAX_CPUS / 64];
    _Atomic uint32_t stop_wanted; // world stop requested
    _Atomic int32_t stop_left;    // Ps that have not stopped yet
    Lock lock;                    // guards global[]
    GList global[3];              // per Priority
    _Atomic uint32_t global_count, global_high; // global_high + DETOUR (queues.c): every switch goes through schedule()
    _Atomic uint64_t external;    // sources outside that may still wake someone (devices): no deadlock while > 0
    _Atomic uint64_t goid;
    _Atomic uint32_t main_exited; // goroutine 1 called goexit
    int64_t slice_ns;             // knob
    uint64_t max_stack;           // SetMaxStack
    uint32_t trapstep;            // GODEBUG=trapstep=k; 0: off
    uint32_t clear_vectors;       // GODEBUG=gcverify=1: a goroutine finds no others' values in vector registers; g_enter tests both at once
    int64_t start_ns;
} Sched;

_Static_assert(offsetof(Sched, clear_vectors) == offsetof(Sched, trapstep) + 4, "gogo.asm: g_enter");

extern Sched sched;
extern P *rt_ps[PLAT_MAX_CPUS];

static inline P *p_self(void) { return plat_self(); }
static inline G *g_self(void) {
    G *g;
    __asm__ volatile("movq %%gs:8, %0" : "=r"(g));
    return g;
}
// Does the caller run on its core's system stack?
static inline bool on_system_stack(void) {
    const P *p = p_self();
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return here >= p->sys_lo && here < p->sys_sp;
}
// Changes when a goroutine begins a slice of its own. Two that ready each other share one, or they would keep the core for ever.
// (Hints: a tick that comes while the world is stopped reads them as another core takes this one's queue.)
static inline uint32_t p_turn(const P *p) { return hint_load(&p->sched_tick) - hint_load(&p->inherited); }
static inline PageCache *p_page_cache(P *p) { return &p->page_cache; }
static inline SegCache *p_seg_cache(P *p) { return &p->seg_cache; }

// ---- switching (x86_64/gogo.asm, sched.c)
// Runs fn(arg) on the core's system stack; directly when already there. fn must not park, nor call the application.
// The caller's core does not change meanwhile.
void sys_call(void (*fn)(void *), void *arg);

typedef enum {
    WAIT_NONE, WAIT_CHAN_SEND, WAIT_CHAN_RECV, WAIT_CHAN_SEND_NIL, WAIT_CHAN_RECV_NIL, WAIT_SELECT, WAIT_SELECT_NONE, WAIT_SLEEP, WAIT_SEMA,
    WAIT_SEMA_MUTEX, WAIT_MUTEX, WAIT_RWMUTEX_R, WAIT_RWMUTEX_W, WAIT_COND, WAIT_WAITGROUP, WAIT_CONSOLE, WAIT_STW, WAIT_PARK,
    WAIT_GC_ASSIST, WAIT_GC_CYCLE, WAIT_GC_COORDINATOR, WAIT_FINALIZER, WAIT_INPUT, WAIT_IO, WAIT_REASONS,
} WaitReason; // texts: traceback.c, as Go prints them

// Parks the running goroutine: state becomes G_WAITING, then `unlock` (may be NULL) is released, then the core runs something
// else. Returns when someone called g_ready(g), perhaps on another core. Caller: on its goroutine's stack, holding at most `unlock`.
void g_park(WaitReason why, Lock *unlock);
// The same with a function that releases what guards the waiting (several locks); it runs on the parking goroutine's stack.
void g_park_with(WaitReason why, void (*unlock)(void *), void *arg);
// Makes a parked goroutine runnable: next on this core (runnext). Exactly once per park. Any P, on a goroutine's or the system stack,
// holding locks of rank < RANK_PLOCAL only. Not from interrupts (rt_irq_ready).
void g_ready(G *g);
// The same, at the tail of the queue.
void g_ready_tail(G *g);
// Puts the running goroutine at the tail of the queue and runs another (Gosched).
void g_yield(void);
// Every public function that can be called in a loop ends with this, holding no lock: answers requests that arrived while the
// core was in runtime text (design 6.3). A macro so that it costs two instructions.
void rt_door_slow(void);
#define RT_DOOR()                                                                                                      \
    do {                                                                                                               \
        if (unlikely(load_relaxed(&p_self()->request) != 0)) rt_door_slow();                                           \
    } while (0)

// ---- goroutines (g.c)
G *g_new(void (*fn)(void *), void *arg, uintptr_t created_by_pc); // G_RUNNABLE, not queued; NULL: no memory. System stack
G *g_first(void); // of all; the next is all_next
void g_for_each(void (*fn)(G *g, void *arg), void *arg);           // all of them, dead ones too; any context, takes no lock

// ---- timers (timer.c) called by the scheduler, on the system stack
// Runs the timers of p (the caller's) that are due at `now`; returns the next deadline or TIME_NEVER.
int64_t timers_run(P *p, int64_t now);
void timers_move(P *from, P *to); // world stopped
// timer.c calls this after p (the caller's core) got an earlier first deadline: programs the machine's timer (small).
void sched_timer_changed(P *p);

// ---- out of memory: MemoryForce f = {0}; while (!done && memory_force(&f)) try again;
// A request has failed, perhaps again after collections: collects. False: that is of no use any more, or impossible here. What a collection
// frees may go to others before the caller comes to it: so while a worthwhile part of memory was freed, it is not over.
typedef struct MemoryForce {
    uint64_t freed; // bytes ever, before the latest collection
    uint64_t tries;
} MemoryForce;
bool memory_force(MemoryForce *f); // alloc.c; goroutine's stack, may park

// ---- reports
_Noreturn void rt_fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2))); // "fatal error: ..." + goroutine dump; exit 2
void traceback_all(bool running_too);  // goroutine dump in Go's format, plat_write
#define RT_ASSERT_ALWAYS(c) ((c) ? (void)0 : rt_throw("assertion failed: " #c " (" __FILE__ ")"))
#ifdef RT_DEBUG
#define RT_ASSERT(c) RT_ASSERT_ALWAYS(c)
#else
#define RT_ASSERT(c) ((void)0)
#endif

// ---- panics raised by the runtime on the calling goroutine (panic.c): do not return
_Noreturn void panic_runtime(const char *text);   // "panic: text", a runtime.Error; text begins with "runtime error: "
// What a door does first with a pointer that the program must not leave NULL, or that leads to a field of what is: the program's nil access, a panic that can be recovered,
// instead of a fault in the runtime's name.
_Noreturn void nil_panic(void);
static inline void nil_check(const void *p) {
    if (unlikely((uintptr_t)p < PAGE_SIZE)) nil_panic();
}
_Noreturn void panic_plain(const char *text);     // "panic: text" (send on closed channel ...; recoverable)
