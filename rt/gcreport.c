// gcreport.c -- the latest collection for the program to look at: what gctrace prints, as numbers.
//
// The coordinator writes at the end of marking, and when it begins the next cycle and so knows the sweep over; any goroutine reads, under one lock.
#include "api/gcstats.h"
#include "gcrun.h"
#include "gcstats.h"

static Lock lock = LOCK_INIT(RANK_GC);
static GcReport latest; // cycle 0: none yet

static GcStop stop_of(const StopFigures *s) {
    return (GcStop){.until_ns = s->stopped_ns - s->asked_ns, .total_ns = s->started_ns - s->asked_ns, .idle = s->ways[STOP_IDLE], .sched = s->ways[STOP_SCHED],
                    .call = s->ways[STOP_CALL], .async = s->ways[STOP_ASYNC], .door = s->ways[STOP_DOOR], .worker = s->ways[STOP_WORKER]};
}

static void marked(void *cycle) {
    const GcCycle *c = cycle;
    lock_acquire(&lock);
    GcReport *r = &latest;
    r->cycle = gc.cycle, r->forced = c->forced;
    r->procs = c->procs, r->dedicated = c->dedicated, r->share = (uint32_t)(c->share * 1000 / SHARE_ONE);
    r->setup = stop_of(&c->stop1), r->termination = stop_of(&c->stop2);
    r->mark_ns = c->mark_term_ns - c->mark_ns;
    r->stacks_ns = load_relaxed(&c->stacks_ns) - c->mark_ns;
    r->barrier_noted = c->noted, r->barrier_noted_before = c->noted_before;
    r->dedicated_ns = c->dedicated_ns, r->share_ns = c->fraction_ns, r->idle_ns = c->idle_ns;
    r->marked_whole = c->marked_whole, r->marked_in_turns = c->marked_in_turns;
    r->assist_ns = load_relaxed(&c->assist_ns), r->assist_longest_ns = load_relaxed(&c->assist_longest_ns);
    r->heap_begin = c->heap0, r->heap_end = c->heap1, r->live = c->heap2, r->goal = c->goal;
    r->marked_objects = c->marked_objects, r->marked_bytes = c->marked_bytes;
    r->made_objects = c->black_objects, r->made_bytes = c->black_bytes;
    r->unmarked_objects = c->unmarked_objects, r->unmarked_bytes = c->unmarked_bytes;
    lock_release(&lock);
}
void gc_report_marked(const GcCycle *c) { sys_call(marked, (void *)c); }

static void swept(void *figures) {
    const GcSwept *s = figures;
    lock_acquire(&lock);
    latest.before_unmarked_objects = latest.unmarked_objects, latest.before_unmarked_bytes = latest.unmarked_bytes;
    latest.before_freed_objects = s->objects, latest.before_freed_bytes = s->bytes;
    latest.before_kept_objects = s->kept, latest.before_kept_bytes = s->kept_bytes;
    lock_release(&lock);
}
void gc_report_swept(const GcSwept *s) { sys_call(swept, (void *)s); }

static void read(void *to) {
    lock_acquire(&lock);
    *(GcReport *)to = latest;
    lock_release(&lock);
}

bool read_gc_report(GcReport *r) {
    sys_call(read, r);
    RT_DOOR();
    return r->cycle != 0;
}
