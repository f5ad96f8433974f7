// gcstats.h -- how long things took: histograms, stops of the world, and what the collector cost.
#pragma once
#include "core.h"
#include "gcutil.h"

// ---- histograms: values of 0 to 2^63 in buckets of a power of two, each in 8 parts (so a bucket's ends differ by at most an eighth)
#define HISTOGRAM_BUCKETS 496u
typedef struct Histogram {
    uint32_t count[HISTOGRAM_BUCKETS];
    uint64_t n;
    int64_t max, sum;
} Histogram;
void histogram_add(Histogram *h, int64_t value); // one writer at a time
// Smallest value that at least part/1000 of all are not above, rounded up to its bucket's end; at most max.
int64_t histogram_part(const Histogram *h, unsigned part);

// ---- stops of the world (stop.c writes, the stopper alone)
typedef enum { STOP_FOR_MARKING, STOP_FOR_END, STOP_FOR_OTHER, STOP_REASONS } StopReason;
typedef struct StopFigures {
    int64_t asked_ns, stopped_ns, started_ns; // by the clock
    uint32_t ways[STOP_WAYS];                 // cores, by how they came; the stopper's own not counted
    int last_core;                            // -1: there was only one
    uint8_t last_way;                         // StopWay
    uint8_t reason;                           // StopReason; set while stopped
} StopFigures;
extern StopFigures stop_latest; // of the stop under way, or the last one
extern const char *const stop_way_names[STOP_WAYS];

typedef struct StopSums {
    Histogram until_stopped[STOP_REASONS], total[STOP_REASONS];
    uint64_t ways[STOP_WAYS];
    uint64_t n[STOP_REASONS];
} StopSums;
extern StopSums stop_sums;
void stop_count(void); // stop.c: the latest is over

// ---- assists
typedef struct AssistSums {
    Lock lock;
    Histogram piece;         // each time that a goroutine marked
    Histogram per_goroutine; // all of one's, when it ended
} AssistSums;
extern AssistSums assist_sums;
void assist_count_piece(int64_t ns);
void assist_count_goroutine(uint64_t ns);

// ---- what is taken from the program (gcutil.h): stops, workers, assists; not what idle cores do. Only with GODEBUG=gcsummary=1
void taken_init(int64_t now);
// Now and until now: UTIL_ONE for a stop, taken_core() for one core. Small: also while the world is stopped.
void taken_from(int32_t share);
void taken_until(int32_t share);
int32_t taken_core(void); // the same throughout a cycle
// The program ends.
typedef struct TakenSums {
    int64_t mean, minimum[UTIL_WINDOWS]; // left to the program, in millionths; -1: none
} TakenSums;
void taken_end(TakenSums *sums, int64_t now);
