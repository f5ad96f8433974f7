// gc.c -- one cycle of the collector, as its coordinator runs it (gc_run_cycle). The argument why this is sound: head of gc.h. Who wants
// cycles and who waits for them: gcctl.c.
//
// A cycle finishes the last one's sweep; stop 1; sleeps while the cores mark (gcwork.c), until they find nothing more; stop 2, which settles what
// barriers still held, or lets marking go on if that is more than a little; reckons the next goal.
//
// Locks: none here.
#include "gcrun.h"
#include "lib.h"
#include "mem.h"
#include "memstats.h"
#include "runq.h"
#include "profile.h"
#include "trace.h"
#include "api/gc.h"

#define FINISH_BUDGET (64u << 10) // bytes of scan work that stop 2 may do: some ten microseconds
#define SWEEP_PAGES   64u

Gc gc;

// All cores in use have passed the scheduler since the last stop. They do so at once, so nobody waits long for this.
static bool all_caught_up(void) {
    for (int i = 0; i < hint_load(&sched.nproc); i++)
        if (__atomic_load_n(&rt_ps[i]->gc.seen, __ATOMIC_ACQUIRE) != load_relaxed(&gc.epoch)) return false; // pairs with gc_catch_up
    return true;
}

// ---- catching up

void gc_catch_up(P *p) {
    uint32_t epoch = load_acquire(&gc.epoch); // pairs with flush_all; at stops everything is ordered
    if (load_relaxed(&gc.phase) != GC_MARK) {
        heap_cache_flush(p);
    } else if (p->heap.black_cycle != gc.cycle) {
        heap_cache_black(p);
    } else { // stop 2 is near
        gc_barrier_flush(p);
        gc_work_flush(p);
    }
    __atomic_store_n(&p->gc.seen, epoch, __ATOMIC_RELEASE); // pairs with all_caught_up
    sched_arm(p); // turns begin, or end
}

// ---- sweeping to the end

static void sweep_some(void *more) { *(bool *)more = heap_sweep_step(SWEEP_PAGES); }

// True: everything is swept. False: this core has something more urgent to do.
bool gc_sweep_all(P *p) {
    for (unsigned turns = 0; load_relaxed(&p->request) == 0;) {
        // The next cycle has begun, after this sweep. (Cores that sleep need not have caught up with it before its end.)
        if (load_relaxed(&gc.phase) == GC_MARK) return true;
        if (heap_sweep_step(SWEEP_PAGES)) continue;
        store_relaxed(&gc_sweep_left, 0);
        if (all_caught_up() && heap_sweep_done()) return true;
        plat_spin(turns++); // somebody is at its last span
    }
    return false;
}

static void finish_sweep(void) {
    bool more;
    do {
        sys_call(sweep_some, &more);
        RT_DOOR();
    } while (more);
    store_relaxed(&gc_sweep_left, 0);
    for (unsigned turns = 0; !all_caught_up() || !heap_sweep_done(); turns++) { // somebody is at its last span
        plat_spin(turns);
        RT_DOOR();
    }
}

// ---- stop 1

static void begin_marking(void *unused) {
    store_relaxed(&mem_closed, true);
    gc.cycle++;
    gc_cycle.heap0 = load_relaxed(&heap.live_bytes);
    gc_cycle.noted_before = gc_barrier_noted();
    gc_limiter_update(gc_cycle.sweep_term_ns, WINDOW_PROGRAM, true);
    store_relaxed(&gc_cycle.markers, 0);
    store_relaxed(&gc_cycle.seems_done, 0);
    store_relaxed(&gc_cycle.assist_ns, 0);
    store_relaxed(&gc_cycle.assist_longest_ns, 0);
    stop_latest.reason = STOP_FOR_MARKING;
    gc_cycle.returns = 0;
    gc_cycle.stop2_ns = 0;
    gc_share_out(&gc_cycle);
    gc_assists_begin();
    gc_pace_begin(&gc_cycle);
    gc_mark_begin();
    store_relaxed(&gc_coordinator()->gc_scan, 2 * gc.cycle); // it runs, and its stack holds no pointer of the program
    store_relaxed(&gc.stacks_pending, 1);
    sched_set_detour(true);
    store_relaxed(&gc.phase, GC_MARK);
    store_relaxed(&gc.barrier, 1);
    store_relaxed(&gc.epoch, load_relaxed(&gc.epoch) + 1);
    gc_catch_up(p_self());
    fetch_or(&p_self()->request, REQ_GC); // its turn is due, too: the coordinator parks, but would perhaps switch to a goroutine without passing the scheduler
    gc_cycle.mark_ns = plat_now_ns();
    taken_until(UTIL_ONE);
    gc_limiter_update(gc_cycle.mark_ns, WINDOW_STOPPED, true); // and assists are counted from 0 again
    store_relaxed(&mem_closed, false);
}

void gc_stacks_done(void) {
    if (!exchange(&gc.stacks_pending, 0)) return;
    sched_set_detour(false);
    store_relaxed(&gc_cycle.stacks_ns, plat_now_ns());
}

// ---- stop 2

static void count_up(GcCycle *c) {
    uint64_t black_objects, black_bytes, objects, bytes;
    heap_freed(&c->freed_objects, &c->freed_bytes);
    special_kept(&c->kept_objects, &c->kept_bytes);
    gc_marked(&c->marked_objects, &c->marked_bytes);
    heap_allocated_black(&black_objects, &black_bytes);
    heap_in_use(&objects, &bytes);
    c->black_objects = black_objects;
    c->black_bytes = black_bytes;
    c->unmarked_objects = objects - c->marked_objects - black_objects;
    c->unmarked_bytes = bytes - c->marked_bytes - black_bytes;
    c->scan_work = gc_scan_work();
    c->noted = gc_barrier_noted();
    c->heap1 = load_relaxed(&heap.live_bytes);
    c->heap2 = c->marked_bytes + black_bytes;
    c->fraction_ns = c->dedicated_ns = c->idle_ns = 0;
    c->marked_whole = c->marked_in_turns = 0;
    for (int i = 0; i < sched.nproc; i++) {
        const GcLocal *l = &rt_ps[i]->gc;
        c->fraction_ns += l->fraction_ns;
        c->dedicated_ns += l->dedicated_ns;
        c->idle_ns += l->idle_ns;
        c->marked_whole += l->dedicated_ns > 0;
        c->marked_in_turns += l->fraction_ns > 0;
    }
}

static void stop_2(void) {
    GcCycle *c = &gc_cycle;
    stop_latest.reason = STOP_FOR_END;
    gc_limiter_update(c->mark_term_ns, WINDOW_MARKING, true);
    if (!gc_mark_finish(FINISH_BUDGET)) {
        c->returns++;
        store_relaxed(&c->seems_done, 0);
        int64_t now = plat_now_ns();
        c->stop2_ns += now - c->mark_term_ns;
        gc_limiter_update(now, WINDOW_STOPPED, true);
        return;
    }
    RT_ASSERT(load_relaxed(&c->markers) == 0);
    if (unlikely(profile_wanted & PROFILE_HEAP)) profile_heap_marked();
    if (gc.verify) gc_verify();
    gc_stacks_done();
    count_up(c);
    gc_dismiss();
    store_relaxed(&gc.barrier, 0);
    store_relaxed(&gc.phase, GC_OFF);
    heap_sweep_begin();
    gc_pace_end(c);
    store_relaxed(&gc_sweep_left, 1);
    store_relaxed(&gc.epoch, load_relaxed(&gc.epoch) + 1);
    c->end_ns = plat_now_ns();
    gc_limiter_update(c->end_ns, WINDOW_STOPPED, true);
}

static void end_marking(void *unused) {
    store_relaxed(&mem_closed, true);
    stop_2();
    taken_until(UTIL_ONE);
    store_relaxed(&mem_closed, false);
}

// ---- figures

static int64_t cpu_ns; // that the collector has taken since the start, of all cores; idle ones not counted

uint64_t gc_cpu_ppm(void) {
    int64_t total = (plat_now_ns() - sched.start_ns) * sched.nproc;
    return total > 0 ? mul_div((uint64_t)cpu_ns, 1000000, (uint64_t)total) : 0;
}

static void account(void *cycle) {
    const GcCycle *c = cycle;
    int64_t stops = c->mark_ns - c->sweep_term_ns + c->end_ns - c->mark_term_ns + c->stop2_ns;
    cpu_ns += stops * c->procs + load_relaxed(&c->assist_ns) + c->dedicated_ns + c->fraction_ns;
    gc_figures.gc_cpu_ppm = (uint32_t)gc_cpu_ppm();
    gc_figures_cycle((uint64_t)stops, (uint64_t)plat_wall_ns(), c->forced);
}

// All that was unmarked at stop 2 has been swept by now, or kept, and nothing else.
static void check_sweep(void *arg) {
    GcSwept *s = arg;
    const GcCycle *c = &gc_cycle;
    heap_freed(&s->objects, &s->bytes);
    s->objects -= c->freed_objects;
    s->bytes -= c->freed_bytes;
    special_kept(&s->kept, &s->kept_bytes);
    s->kept -= c->kept_objects;
    s->kept_bytes -= c->kept_bytes;
    if (!gc.verify || (s->objects + s->kept == c->unmarked_objects && s->bytes + s->kept_bytes == c->unmarked_bytes)) return;
    rt_printf("runtime: gc %u: unmarked %lu objects, %lu bytes; swept %lu, %lu; kept %lu, %lu\n", gc.cycle, c->unmarked_objects, c->unmarked_bytes, s->objects,
              s->bytes, s->kept, s->kept_bytes);
    rt_throw("the sweep has not freed what was unmarked");
}

static void end_of_sweep(void) {
    GcSwept s;
    sys_call(check_sweep, &s);
    gc_trace_sweep(&s);
    gc_report_swept(&s);
}

// Before stop 2: all cores look at what their barriers have noted, while the world runs, so that little is left to do in the stop (Go's gcMarkDone). A core that
// sleeps has done so before (gc_idle_turn). True: marking goes on.
static bool flush_all(void) {
    store_release(&gc.epoch, load_relaxed(&gc.epoch) + 1); // only the coordinator writes it
    sys_call((void (*)(void *))gc_catch_up, p_self());
    for (int i = 0; i < sched.nproc; i++) {
        P *p = rt_ps[i];
        for (unsigned turns = 0; __atomic_load_n(&p->gc.seen, __ATOMIC_ACQUIRE) != load_relaxed(&gc.epoch); turns++) { // pairs with gc_catch_up
            if (load_seq(&p->state) == P_IDLE) break;
            if (p == p_self()) { // we moved to a core that had passed the scheduler's check just before the epoch changed
                sys_call((void (*)(void *))gc_catch_up, p);
                break;
            }
            if (turns % 1024 == 0) {
                fetch_or(&p->request, REQ_GC);
                plat_ipi(i);
            }
            plat_spin(turns);
            RT_DOOR();
        }
    }
    // In this order: whoever leaves with the last of the work after the look must find 0 there, or nobody would say that marking is over.
    store_seq(&gc_cycle.seems_done, 0);
    return gc_work_exists();
}

// What Go's package sync wants to do in the stop before marking (rt/go/os.c): on this stack, with the world stopped.
void rt_go_cycle_begins(void) __attribute__((weak));

// The coordinator's core may switch to a goroutine without passing the scheduler after stop 2. Not within the stop: other cores need not wait for it.
static void catch_up_self(void *unused) {
    P *p = p_self();
    if (p->gc.seen != load_relaxed(&gc.epoch)) gc_catch_up(p);
}

void gc_run_cycle(void) {
    finish_sweep();
    if (gc.cycle) end_of_sweep();
    gc_cycle.sweep_term_ns = plat_now_ns();
    taken_from(UTIL_ONE);
    trace_note(TRACE_GC, TRACE_GC_BEGIN, NULL, gc.cycle + 1);
    world_stop(WAIT_STW);
    if (rt_go_cycle_begins) rt_go_cycle_begins();
    sys_call(begin_marking, NULL);
    trace_note(TRACE_GC, TRACE_GC_MARKING, NULL, gc.cycle);
    world_restart();
    gc_cycle.stop1 = stop_latest;
    world_release();
    gc_release_starters();
    do {
        do gc_wait_marked();
        while (flush_all());
        gc_cycle.mark_term_ns = plat_now_ns();
        taken_from(UTIL_ONE);
        trace_note(TRACE_GC, TRACE_GC_MARKED, NULL, gc.cycle);
        world_stop(WAIT_STW);
        sys_call(end_marking, NULL);
        trace_note(TRACE_GC, load_relaxed(&gc.phase) == GC_MARK ? TRACE_GC_MARKING : TRACE_GC_END, NULL, gc.cycle);
        world_restart();
        sys_call(catch_up_self, NULL); // still the same core: nothing parks in between
        gc_cycle.stop2 = stop_latest;
        world_release();
    } while (load_relaxed(&gc.phase) == GC_MARK);
    gc_release_starters();
    sys_call(account, &gc_cycle);
}
