// profile.c -- the CPU, goroutine, mutex and block profiles.
//
// CPU: each core's timer interrupts it so many times a second (cpuprof=hz; the same one-shot timer that ends slices). If it runs something, the stack is walked from
// the interrupted frame, and counted in the core's own table, which its interrupts alone write (proftab.c). No lock, no allocation, general registers.
// A core that sleeps has no samples.
//
// Mutex and block: the scheduler's hooks (watch.c) note when a goroutine stops; when it is made ready, what it has waited counts: for the block profile with its own
// stack, which does not move as long as it is not queued, and for the mutex profile, as in Go, with the stack of who let go of the mutex.
//
// Goroutine: at the end, all of them, the world stopped.
//
// Locks: `lock` (RANK_PROFILE) guards the tables that are not a core's.
#include "profile.h"
#include "lib.h"
#include "proftab.h"
#include "report.h"
#include "sched.h"
#include "watch.h"

#define TABLE_PAGES 64u // 256 KB: some thousand stacks

uint32_t profile_wanted;

static Lock lock = LOCK_INIT(RANK_PROFILE);
static ProfileTable *waits, *contention, *goroutines;
static int64_t cpu_period;
static bool done;

static ProfileTable *table(uint32_t kind) {
    ProfileTable *t = proftab_new(TABLE_PAGES);
    if (!t) rt_throw("out of memory: no room for a profile");
    profile_wanted |= kind;
    return t;
}

void profile_start(void) {
    if (rt_knobs.cpuprof) {
        cpu_period = 1000000000ll / rt_knobs.cpuprof;
        for (int i = 0; i < sched.ncpu; i++)
            rt_ps[i]->samples = table(PROFILE_CPU);
    }
    if (rt_knobs.heapprof) {
        profile_wanted |= PROFILE_HEAP;
        profile_heap_start(rt_knobs.heapprof);
    }
    if (rt_knobs.goprof) goroutines = table(PROFILE_GOROUTINE);
    if (rt_knobs.mutexprof) contention = table(PROFILE_MUTEX);
    if (rt_knobs.blockprof) waits = table(PROFILE_BLOCK);
    if (rt_knobs.mutexprof) rt_watch |= WATCH_MUTEX;
    if (rt_knobs.blockprof) rt_watch |= WATCH_BLOCK;
}

void profile_core_begins(P *p) {
    if (profile_wanted & PROFILE_CPU) p->profile_next = plat_now_ns() + cpu_period;
    sched_arm(p);
}

// ---- CPU

// Does a call of the function at `start` return to `pc`?
static bool returns_from(uintptr_t pc, uintptr_t start) {
    enum { CALL = 0xe8, CALL_BYTES = 5 };
    RtSymbol s;
    if (!rt_symbolize(pc - 1, &s) || s.offset + 1 < CALL_BYTES) return false;
    const uint8_t *call = (const uint8_t *)(pc - CALL_BYTES);
    int32_t distance;
    memcpy(&distance, call + 1, sizeof distance);
    return call[0] == CALL && pc + (uintptr_t)(intptr_t)distance == start;
}

// A function that has not linked its frame yet, or no longer, or never does (a leaf): its caller's frame is still the one that rbp shows, and its return address is
// near the top of the stack: the first word that a call of this function can have left there, else the top. (Programs in Go are unwound by tables, which
// know.) Returns where that is; NULL: the frame is linked, or this is not known code.
static const uintptr_t *unlinked(const G *g, const TrapFrame *tf) {
    static const uint8_t link[] = {0x55, 0x48, 0x89, 0xe5}; // push rbp; mov rbp, rsp
    enum { RET = 0xc3, WORDS = 8 };
    RtSymbol s;
    const uintptr_t *sp = (const uintptr_t *)tf->rsp;
    if (!rt_symbolize(tf->rip, &s)) return NULL;
    const uint8_t *pc = (const uint8_t *)tf->rip, *start = pc - s.offset;
    if (*pc != RET)
        for (const uint8_t *at = start; at + sizeof link <= pc; at++)
            if (memcmp(at, link, sizeof link) == 0) return NULL;
    for (int i = 0; i < WORDS && traceback_readable(g, (uintptr_t)(sp + i)); i++)
        if (returns_from(sp[i], (uintptr_t)start)) return sp + i;
    return traceback_readable(g, (uintptr_t)sp) && rt_symbolize(*sp - 1, &s) ? sp : NULL;
}

static void sample(P *p, const TrapFrame *tf) {
    uintptr_t pc[PROFILE_DEPTH];
    unsigned n = 0;
    StackWalk w = walk_from(tf);
    w.exact = p->g != NULL; // the scheduler's stack is all our own code
    const uintptr_t *ret = traceback_by_frames() || !p->g ? unlinked(p->g, tf) : NULL;
    if (ret) {
        pc[n++] = tf->rip;
        w.pc = *ret;
        w.is_call = true;
    }
    n += traceback_pcs(p->g, w, pc + n, PROFILE_DEPTH - n);
    ProfileBucket *b = proftab_bucket(p->samples, pc, n);
    if (b) proftab_add(b, 0, 1);
}

int64_t profile_tick(P *p, const TrapFrame *tf, int64_t now) {
    if (done) return TIME_NEVER;
    if (now < p->profile_next) return p->profile_next;
    if (!p->idle_since) sample(p, tf);
    return p->profile_next = now + cpu_period;
}

// ---- waiting

static bool is_blocking(unsigned why) { return why >= WAIT_CHAN_SEND && why <= WAIT_WAITGROUP && why != WAIT_SLEEP; }
static bool is_mutex(unsigned why) { return why == WAIT_MUTEX || why == WAIT_RWMUTEX_R || why == WAIT_RWMUTEX_W; }

static void count(ProfileTable *t, const uintptr_t *pc, unsigned n, uint64_t times, uint64_t ns) {
    lock_acquire(&lock);
    ProfileBucket *b = done ? NULL : proftab_bucket(t, pc, n);
    if (b) {
        proftab_add(b, 0, times);
        proftab_add(b, 1, ns);
    }
    lock_release(&lock);
}

void profile_waited(G *g, const G *by) {
    uintptr_t pc[PROFILE_DEPTH];
    unsigned why = g->wait_reason;
    uint64_t ns = (uint64_t)(plat_now_ns() - (int64_t)g->wait_since_ns), rate = rt_knobs.blockprof;
    StackWalk w;
    if (waits && is_blocking(why) && traceback_start(g, &w)) {
        // As Go: shorter ones are counted with a probability of ns / rate, and for what they stand for.
        uint64_t stands = rate > 1 && ns < rate ? rate : ns;
        if (stands == ns || rand_next(p_self()) % rate < ns)
            count(waits, pc, traceback_pcs(g, w, pc, PROFILE_DEPTH), stands == ns || ns == 0 ? 1 : rate / ns, stands);
    }
    if (contention && by && is_mutex(why) && rand_next(p_self()) % rt_knobs.mutexprof == 0)
        count(contention, pc, traceback_here(pc, PROFILE_DEPTH), rt_knobs.mutexprof, ns * rt_knobs.mutexprof);
}

// ---- goroutines

static void count_goroutine(G *g, void *unused) {
    uint32_t state = load_relaxed(&g->state);
    if (state == G_DEAD || state == G_IDLE || g->system) return;
    uintptr_t pc[PROFILE_DEPTH];
    StackWalk w;
    unsigned n;
    if (g == p_self()->g) n = traceback_here(pc, PROFILE_DEPTH);
    else if (!load_relaxed(&g->on_cpu) && traceback_start(g, &w)) n = traceback_pcs(g, w, pc, PROFILE_DEPTH);
    else pc[0] = g->entry_pc, n = 1; // runs on a core that was not stopped
    ProfileBucket *b = proftab_bucket(goroutines, pc, n);
    if (b) proftab_add(b, 0, 1);
}

void profile_goroutines(void *unused) {
    if (goroutines && load_relaxed(&goroutines->count) == 0) g_for_each(count_goroutine, NULL);
}

// ---- out

void profile_write_out(void) {
    int64_t duration = plat_now_ns() - sched.start_ns;
    hint_store(&done, true);
    if (profile_wanted & PROFILE_CPU)
        for (int i = 0; i < sched.ncpu; i++)
            proftab_write_out(rt_ps[i]->samples, "cpu", rt_knobs.cpuprof, duration);
    if (profile_wanted & PROFILE_HEAP) profile_heap_write_out(duration);
    if (goroutines) proftab_write_out(goroutines, "goroutine", 1, duration);
    if (contention) proftab_write_out(contention, "mutex", rt_knobs.mutexprof, duration);
    if (waits) proftab_write_out(waits, "block", rt_knobs.blockprof, duration);
}
