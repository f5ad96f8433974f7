// gcstats.c -- see gcstats.h. Stops are counted by whoever stopped the world, one at a time; assists, and what is taken, under locks.
#include "gcstats.h"
#include "mem.h"

StopFigures stop_latest;
StopSums stop_sums;
AssistSums assist_sums = {.lock = LOCK_INIT(RANK_GC)};
const char *const stop_way_names[STOP_WAYS] = {"idle", "sched", "call", "async", "door", "worker"};

// Values below 8 have a bucket each.
static unsigned bucket_of(int64_t value) {
    uint64_t v = value < 0 ? 0 : (uint64_t)value;
    if (v < 8) return (unsigned)v;
    unsigned bit = 63u - (unsigned)__builtin_clzll(v); // 3..62
    return (bit - 2) * 8 + (unsigned)(v >> (bit - 3) & 7);
}

// The largest value of bucket b.
static int64_t bucket_end(unsigned b) {
    if (b < 8) return (int64_t)b;
    unsigned bit = b / 8 + 2;
    return (int64_t)((8 + (uint64_t)b % 8 + 1) << (bit - 3)) - 1;
}

void histogram_add(Histogram *h, int64_t value) {
    h->count[bucket_of(value)]++;
    h->n++;
    h->sum += value;
    if (value > h->max) h->max = value;
}

int64_t histogram_part(const Histogram *h, unsigned part) {
    uint64_t wanted = (h->n * part + 999) / 1000, seen = 0;
    if (h->n == 0) return 0;
    for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
        seen += h->count[b];
        if (seen >= wanted && seen > 0) return bucket_end(b) < h->max ? bucket_end(b) : h->max;
    }
    return h->max;
}

void stop_count(void) {
    const StopFigures *s = &stop_latest;
    histogram_add(&stop_sums.until_stopped[s->reason], s->stopped_ns - s->asked_ns);
    histogram_add(&stop_sums.total[s->reason], s->started_ns - s->asked_ns);
    stop_sums.n[s->reason]++;
    for (int i = 0; i < STOP_WAYS; i++)
        stop_sums.ways[i] += s->ways[i];
}

void assist_count_piece(int64_t ns) {
    lock_acquire(&assist_sums.lock);
    histogram_add(&assist_sums.piece, ns);
    lock_release(&assist_sums.lock);
}

void assist_count_goroutine(uint64_t ns) {
    lock_acquire(&assist_sums.lock);
    histogram_add(&assist_sums.per_goroutine, (int64_t)ns);
    lock_release(&assist_sums.lock);
}

// ---- what holds goroutines up

Stalls stalls;
const char *const stall_names[STALLS] = {"stop", "turn", "assist", "wait", "stack", "sweep"};

void stall_count(StallCause cause, int64_t from, int64_t to) {
    int64_t ns = to - from, longest = load_relaxed(&stalls.longest_ns[cause]);
    if (cause != STALL_SWEEP) fetch_add(&stalls.total_ns[cause], ns); // that would be a shared line written at every refill
    while (ns > longest && !cas(&stalls.longest_ns[cause], &longest, ns)) {}
}

// ---- what is taken from the program

#define TAKEN_STEPS 32768u // of 24 bytes: changes 6 us apart are told apart

static Lock taken_lock = LOCK_INIT(RANK_GC);
static Util taken; // step == NULL: nobody wants to know

void taken_init(int64_t now) {
    UtilStep *room = page_alloc((TAKEN_STEPS * sizeof *room + PAGE_SIZE - 1) / PAGE_SIZE);
    if (room) util_init(&taken, room, TAKEN_STEPS, now);
}

static void change(int32_t share) {
    lock_acquire(&taken_lock);
    util_change(&taken, plat_now_ns(), share);
    lock_release(&taken_lock);
}

void taken_from(int32_t share) {
    if (unlikely(taken.step)) change(share);
}
void taken_until(int32_t share) { taken_from(-share); }
int32_t taken_core(void) { return UTIL_ONE / sched.nproc; }

void taken_end(TakenSums *sums, int64_t now) {
    *sums = (TakenSums){.mean = -1, .minimum = {-1, -1, -1}};
    if (!taken.step) return;
    lock_acquire(&taken_lock);
    util_settle(&taken, now);
    sums->mean = util_mean(&taken);
    for (int i = 0; i < UTIL_WINDOWS; i++)
        sums->minimum[i] = util_minimum(&taken, i);
    lock_release(&taken_lock);
}
