// memstats.c -- one consistent picture of memory: MemStats, and where the pages of spans go.
//
// Taken with the world stopped, on the stopper's system stack, out of counters that others keep (so MemStats takes the same time however large the
// heap is); only HeapReport looks at the spans. Runtime code that was stopped in the middle of an allocation has counted all of it or
// nothing: cores stop at doors and in the scheduler only.
//
// other_sys is what remains: pages that are neither free nor accounted for by the parts. So the sum is right by construction, and a part that counts
// wrongly shows as a drift of other_sys (tests/metal/t_memstats.c).
#include "memstats.h"
#include "alloc.h"
#include "sched.h"

_Static_assert(MEM_STATS_CLASSES == SIZE_CLASSES, "by_size");

CycleFigures gc_figures;

void gc_figures_cycle(uint64_t pause_ns, uint64_t end, bool forced) {
    CycleFigures *f = &gc_figures;
    uint32_t i = f->num_gc % MEM_STATS_PAUSES;
    f->pause_ns[i] = pause_ns;
    f->pause_end[i] = end;
    f->pause_total_ns += pause_ns;
    f->last_gc = end;
    f->num_gc++;
    f->num_forced_gc += forced;
}

// ---- MemStats

static void add_objects(MemStats *m) {
    uint64_t tiny = 0, objects, bytes, freed, freed_bytes;
    for (int i = 0; i < sched.ncpu; i++)
        tiny += rt_ps[i]->heap.tiny_allocs;
    heap_in_use(&objects, &bytes);
    heap_freed(&freed, &freed_bytes);
    m->heap_objects = objects;
    m->alloc = m->heap_alloc = bytes;
    m->total_alloc = bytes + freed_bytes;
    // As in Go, objects in tiny blocks count as allocated and freed: nobody knows when.
    m->mallocs = objects + freed + tiny;
    m->frees = freed + tiny;
}

static void add_memory(MemStats *m) {
    PageStats pages = page_stats();
    SegStats seg = seg_stats();
    uint64_t finalizers;
    RecordBytes spans = heap_records(), specials = special_bytes(&finalizers);
    m->sys = pages.total;
    m->heap_idle = pages.free;
    m->heap_inuse = load_relaxed(&heap.span_bytes);
    m->heap_sys = m->heap_inuse + m->heap_idle;
    m->stack_inuse = m->stack_sys = seg.in_use_bytes + seg.large_bytes;
    m->stack_sys += seg.lone_halves * SEG_MIN;
    for (unsigned c = 0; c < SEG_CLASSES; c++)
        m->stack_sys += seg.cached[c] * ((size_t)SEG_MIN << c);
    m->mspan_inuse = spans.in_use;
    m->mspan_sys = spans.sys;
    m->mcache_inuse = m->mcache_sys = (uint64_t)(sched.ncpu - 1) * sizeof(HeapCache); // that of core 0 lies in the image
    m->gc_sys = specials.sys + gc_work_bytes() + heap_table_bytes();
    m->other_sys = m->sys - m->heap_sys - m->stack_sys - m->mspan_sys - m->mcache_sys - m->gc_sys;
}

static void add_cycles(MemStats *m) {
    const CycleFigures *f = &gc_figures;
    m->next_gc = gc_goal();
    m->last_gc = f->last_gc;
    m->pause_total_ns = f->pause_total_ns;
    memcpy(m->pause_ns, f->pause_ns, sizeof m->pause_ns);
    memcpy(m->pause_end, f->pause_end, sizeof m->pause_end);
    m->num_gc = f->num_gc;
    m->num_forced_gc = f->num_forced_gc;
    m->gc_cpu_ppm = f->gc_cpu_ppm;
    m->enable_gc = true;
}

static void read_stopped(void *arg) {
    MemStats *m = arg;
    memset(m, 0, sizeof *m);
    add_objects(m);
    add_memory(m);
    add_cycles(m);
    for (unsigned c = 0; c < SIZE_CLASSES; c++) {
        m->by_size[c].size = size_class_bytes(c);
        heap_class_counts(c, &m->by_size[c].mallocs, &m->by_size[c].frees);
    }
}

void read_mem_stats(MemStats *m) {
    nil_check(m);
    world_stopped_do(read_stopped, m);
}

// ---- HeapReport

static void add_span(Span *s, void *arg) {
    HeapReport *r = arg;
    uint64_t objects = span_objects(s), bytes = s->pages * PAGE_SIZE;
    uint64_t free = (s->slots - objects) * s->slot_bytes, tail = bytes - s->slots * s->slot_bytes;
    typeof(r->by_class[0]) *c = &r->by_class[s->class_index];
    c->spans++;
    c->pages += s->pages;
    c->slots += s->slots;
    c->objects += objects;
    c->free_bytes += free;
    c->tail_bytes += tail;
    r->spans++;
    r->span_bytes += bytes;
    r->objects += objects;
    r->object_bytes += objects * s->slot_bytes;
    r->free_bytes += free;
    r->tail_bytes += tail;
}

static void report_stopped(void *arg) {
    HeapReport *r = arg;
    memset(r, 0, sizeof *r);
    for (unsigned c = 0; c < SIZE_CLASSES; c++)
        r->by_class[c].size = size_class_bytes(c);
    heap_for_each_span(add_span, r);
    r->record_bytes = heap_records().in_use;
    r->finalizer_bytes = special_bytes(&r->finalizers).in_use;
}

void read_heap_report(HeapReport *r) { world_stopped_do(report_stopped, r); }
