// metrics.c -- runtime/metrics: what MemStats has, by the names of that package. Distributions, and what is not counted here, have KindBad (METRIC_BAD): "should not be used".
#include "go.h"
#include "../api/gcstats.h"
#include "../sched.h"

enum { METRIC_BAD, METRIC_UINT64 };
typedef struct Sample { String name; intptr_t kind; uint64_t scalar; void *pointer; } Sample;
typedef struct Read { Sample *at; intptr_t n; } Read;

// The value of a metric; false: there is none.
static bool metric(const MemStats *m, String name, uint64_t *out) {
    const struct { const char *name; uint64_t value; } known[] = {
        {"/gc/cycles/automatic:gc-cycles", m->num_gc - m->num_forced_gc},
        {"/gc/cycles/forced:gc-cycles", m->num_forced_gc},
        {"/gc/cycles/total:gc-cycles", m->num_gc},
        {"/gc/heap/allocs:bytes", m->total_alloc},
        {"/gc/heap/allocs:objects", m->mallocs},
        {"/gc/heap/frees:bytes", m->total_alloc - m->heap_alloc},
        {"/gc/heap/frees:objects", m->frees},
        {"/gc/heap/goal:bytes", m->next_gc},
        {"/gc/heap/objects:objects", m->heap_objects},
        {"/memory/classes/heap/free:bytes", m->heap_idle - m->heap_released},
        {"/memory/classes/heap/objects:bytes", m->heap_alloc},
        {"/memory/classes/heap/released:bytes", m->heap_released},
        {"/memory/classes/heap/stacks:bytes", m->stack_inuse},
        {"/memory/classes/heap/unused:bytes", m->heap_inuse - m->heap_alloc},
        {"/memory/classes/metadata/mcache/free:bytes", m->mcache_sys - m->mcache_inuse},
        {"/memory/classes/metadata/mcache/inuse:bytes", m->mcache_inuse},
        {"/memory/classes/metadata/mspan/free:bytes", m->mspan_sys - m->mspan_inuse},
        {"/memory/classes/metadata/mspan/inuse:bytes", m->mspan_inuse},
        {"/memory/classes/metadata/other:bytes", m->gc_sys},
        {"/memory/classes/os-stacks:bytes", m->stack_sys - m->stack_inuse},
        {"/memory/classes/other:bytes", m->other_sys},
        {"/memory/classes/profiling/buckets:bytes", m->buck_hash_sys},
        {"/memory/classes/total:bytes", m->sys},
        {"/sched/goroutines:goroutines", (uint64_t)goroutine_count()},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!go_string_equal(name, go_str(known[i].name))) continue;
        *out = known[i].value;
        return true;
    }
    return false;
}

static void read_call(void *arg) {
    const Read *r = arg;
    MemStats m;
    read_mem_stats(&m);
    for (intptr_t i = 0; i < r->n; i++) {
        Sample *s = &r->at[i];
        s->kind = metric(&m, s->name, &s->scalar) ? METRIC_UINT64 : METRIC_BAD;
    }
}

void go_read_metrics(Sample *samples, intptr_t n, intptr_t room) GO("runtime_1metrics.runtime__readMetrics");
void go_read_metrics(Sample *samples, intptr_t n, intptr_t room) {
    Read r = {samples, n};
    call_with_stack(sizeof(MemStats) + 2048, read_call, &r);
    RT_DOOR();
}
