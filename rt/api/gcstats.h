// api/gcstats.h -- figures of memory and collector (Go: runtime.MemStats), and of what memory is lost to.
//
// Included by burrow.h. Goroutine context; both functions stop the world for a moment and may park. Neither allocates.
#pragma once
#include "mem.h"

enum { MEM_STATS_PAUSES = 256, MEM_STATS_CLASSES = 40 };

// Field for field Go's MemStats. The machine's memory is all the runtime's from the start, and there is nobody to give it back to: so sys
// is constant, and what is free counts as heap_idle.
typedef struct MemStats {
    // ---- general
    uint64_t alloc;       // bytes of objects in the heap, garbage not swept yet included: heap_alloc
    uint64_t total_alloc; // bytes of objects ever allocated
    uint64_t sys;         // bytes that the runtime manages: the sum of the *_sys below
    uint64_t lookups;     // 0, as in Go
    uint64_t mallocs;     // objects ever allocated
    uint64_t frees;       // objects ever freed: mallocs - frees are in the heap
    // ---- heap
    uint64_t heap_alloc;    // bytes of slots in use
    uint64_t heap_sys;      // heap_inuse + heap_idle
    uint64_t heap_idle;     // free pages, whatever they will be used for
    uint64_t heap_inuse;    // pages of spans: heap_inuse - heap_alloc is free room in them
    uint64_t heap_released; // 0
    uint64_t heap_objects;
    // ---- stacks
    uint64_t stack_inuse; // segments that goroutines have
    uint64_t stack_sys;   // and those kept for the next
    // ---- the runtime's own
    uint64_t mspan_inuse, mspan_sys;   // records of spans
    uint64_t mcache_inuse, mcache_sys; // allocation caches of the cores
    uint64_t buck_hash_sys;            // 0
    uint64_t gc_sys;                   // of the collector: grey objects, finalizers' records, tables of spans
    uint64_t other_sys;                // all else: kernel, devices, goroutine records, timers, buffers
    // ---- collector
    uint64_t next_gc;                      // heap_alloc at which the next cycle shall be over
    uint64_t last_gc;                      // Unix time of the end of the last cycle, ns; 0: none yet, or the time is unknown
    uint64_t pause_total_ns;               // the world was stopped by the collector, ever
    uint64_t pause_ns[MEM_STATS_PAUSES];   // of each cycle; the latest at [(num_gc + 255) % 256]
    uint64_t pause_end[MEM_STATS_PAUSES];  // Unix time of its end
    uint32_t num_gc, num_forced_gc;        // cycles; of these, asked for by the program
    uint32_t gc_cpu_ppm;                   // share of all cores' time that the collector took, in millionths: see mem_stats_gc_cpu_fraction
    bool enable_gc, debug_gc;              // true, false
    // ---- per size class: by_size[i] holds objects larger than by_size[i - 1].size, up to .size; larger ones are not in here
    struct {
        uint32_t size;
        uint64_t mallocs, frees;
    } by_size[MEM_STATS_CLASSES];
} MemStats;
TYPE_NOSCAN(MemStats);

// Fills *m (Go: runtime.ReadMemStats). It is large: make it by new(MemStats), or static.
void read_mem_stats(MemStats *m);
// Go's GCCPUFraction.
#define mem_stats_gc_cpu_fraction(m) ((double)(m)->gc_cpu_ppm / 1000000.0)

// Where the pages of spans go. Looks at every span: about a millisecond for each 200 MB of small objects, the world stopped.
typedef struct HeapReport {
    struct {
        uint32_t size;         // [MEM_STATS_CLASSES]: large objects, size 0
        uint64_t spans, pages; // pages == span_bytes of all classes / 4096
        uint64_t slots, objects;
        uint64_t free_bytes;   // slots that are no objects: room for more of this class alone (external fragmentation)
        uint64_t tail_bytes;   // behind the last slot: pointer bits, types, and what no slot fits in
    } by_class[MEM_STATS_CLASSES + 1];
    uint64_t spans, span_bytes, objects, object_bytes, free_bytes, tail_bytes; // sums: span_bytes == object_bytes + free_bytes + tail_bytes
    uint64_t record_bytes;                                                     // of spans' records, in use
    uint64_t finalizers, finalizer_bytes;
} HeapReport;
TYPE_NOSCAN(HeapReport);
void read_heap_report(HeapReport *r);

// ---- one collection, as it went

// How the world came to stand still. The cores of the program by what they did when they noticed: idle (asleep, or between two looks for work), sched (between two
// goroutines), call (a function's entry), async (interrupted in the middle of the program), door (leaving the runtime), worker (marking).
typedef struct GcStop {
    int64_t until_ns; // from the request until all stood still
    int64_t total_ns; // until they went on
    uint32_t idle, sched, call, async, door, worker;
} GcStop;

// The latest collection whose marking is over. Objects and bytes: marked + made is what lives, unmarked what the sweep frees, or keeps for finalizers.
typedef struct GcReport {
    uint32_t cycle;  // 1, 2, ...
    bool forced;     // by gc_collect, or for want of memory
    int procs;       // Ps in use
    int dedicated;   // of these, doing nothing but mark
    uint32_t share;  // part of the other Ps' time for marking, in thousandths
    GcStop setup;       // before marking: the write barrier goes on
    GcStop termination; // after it: off
    int64_t mark_ns;                            // between the stops, by the clock
    int64_t stacks_ns;                          // of this, until the last goroutine's stack had been looked at
    uint64_t barrier_noted, barrier_noted_before; // old values that write barriers noted: between the stops; between the end of the marking before and setup
    int64_t dedicated_ns, share_ns, idle_ns;    // processor time of workers: of those cores, of turns on the others, of cores without work
    int marked_whole, marked_in_turns;          // how many cores had a part in the first, in the second
    int64_t assist_ns, assist_longest_ns;       // of goroutines that were drafted, in all and the longest piece
    uint64_t heap_begin, heap_end, live, goal;  // bytes: at both stops, marked, and what the cycle was to stay below
    uint64_t marked_objects, marked_bytes;      // reached
    uint64_t made_objects, made_bytes;          // while marking, and so marked from birth
    uint64_t unmarked_objects, unmarked_bytes;
    // Of the collection before, whose sweep was over when this one began: what it had found unmarked, and what of that was freed, or kept because a
    // finalizer has to run first.
    uint64_t before_unmarked_objects, before_unmarked_bytes, before_freed_objects, before_freed_bytes, before_kept_objects, before_kept_bytes;
} GcReport;
TYPE_NOSCAN(GcReport);
// False: there was none yet. Waits for nobody.
bool read_gc_report(GcReport *r);
