// profile.c -- the CPU, goroutine, mutex and block profiles.
//
// CPU: each core's timer interrupts it so many times a second (cpuprof=hz; the same one-shot timer that ends slices). If it runs something, the stack is walked from
// the interrupted frame, and counted in the core's own table, which its interrupts alone write (proftab.c). No lock, no allocation, general registers.
// A core that sleeps, for want of work or because the world is stopped, has no samples. A program in Go starts and ends such profiles while it runs (profile_cpu_begin): its counts are value[1], those of the whole run value[0].
// Such a profile also tells samples apart by the labels of the goroutine (G.go_labels), objects on the heap, to which its tables' buckets then lead: roots (root.c). They need no
// barrier. What an interrupt reads there is of the goroutine that runs: at stop 1 it was in the goroutine's record, which is looked at before the goroutine runs again, or it came from the
// heap or a stack since. Only who forgets them shades them (profile_cpu_forget).
// While tables are made and reset no interrupt may use them: `changing` and P.sampling are Dekker's flags, of the core that changes and of each core's interrupts.
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
static ProfileTable *goroutines;
ProfileTable *profile_blocks, *profile_contention;
uint64_t profile_block_rate, profile_mutex_rate;
static int64_t cpu_period;
static bool cpu_live;             // the program itself takes a profile. hint_store
static _Atomic uint32_t changing; // cpu_live, period and tables
static bool done;                 // hint_store
static int64_t duration;          // at that time

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
        static uint64_t rate;
        rate = rt_knobs.heapprof;
        profile_heap_start(&rate);
    }
    if (rt_knobs.goprof) goroutines = table(PROFILE_GOROUTINE);
    if (rt_knobs.mutexprof) profile_contention = table(PROFILE_MUTEX);
    if (rt_knobs.blockprof) profile_blocks = table(PROFILE_BLOCK);
    if (rt_knobs.mutexprof) rt_watch |= WATCH_MUTEX;
    if (rt_knobs.blockprof) rt_watch |= WATCH_BLOCK;
    profile_mutex_rate = rt_knobs.mutexprof;
    profile_block_rate = rt_knobs.blockprof;
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
    bool live = hint_load(&cpu_live);
    ProfileBucket *b = proftab_bucket(p->samples, pc, n, live && p->g ? hint_load(&p->g->go_labels) : NULL);
    if (!b) return;
    proftab_add(b, 0, 1);
    if (live) proftab_add(b, 1, 1);
}

int64_t profile_tick(P *p, const TrapFrame *tf, int64_t now) {
    if (hint_load(&done)) return TIME_NEVER;
    if (now < p->profile_next) return p->profile_next;
    store_relaxed(&p->sampling, 1);
    fence_seq(); // pairs with change_begin: it sees us sampling, or we see it changing
    if (!p->idle_since && !p->asleep && !load_relaxed(&changing)) sample(p, tf);
    store_release(&p->sampling, 0);
    return p->profile_next = now + hint_load(&cpu_period);
}

// ---- CPU profiles that begin and end while the program runs

// From here to change_end no interrupt uses the tables. (None of this core's is under way, and those of others soon end.)
static void change_begin(void) {
    store_relaxed(&changing, 1);
    fence_seq(); // pairs with profile_tick
    for (int i = 0; i < sched.ncpu; i++)
        for (unsigned turns = 0; load_acquire(&rt_ps[i]->sampling); turns++)
            plat_spin(turns);
}
static void change_end(void) { store_release(&changing, 0); }

bool profile_cpu_begin(uint32_t hz) {
    bool ok = true, alone = !rt_knobs.cpuprof;
    change_begin();
    for (int i = 0; i < sched.ncpu && ok; i++) {
        P *p = rt_ps[i];
        if (!p->samples) __atomic_store_n(&p->samples, proftab_new(TABLE_PAGES), __ATOMIC_RELEASE); // pairs with root.c
        ok = p->samples != NULL;
        for (const ProfileBucket *b = NULL; ok && (b = proftab_next(p->samples, b));)
            hint_store(&((ProfileBucket *)b)->value[1], 0);
    }
    if (ok) {
        hint_store(&cpu_live, true);
        if (alone) {
            int64_t now = plat_now_ns();
            hint_store(&cpu_period, 1000000000ll / hz);
            for (int i = 0; i < sched.ncpu; i++)
                hint_store(&rt_ps[i]->profile_next, now + cpu_period);
            hint_store(&profile_wanted, profile_wanted | PROFILE_CPU);
        }
    }
    change_end();
    if (!ok || !alone) return ok;
    sched_arm(p_self());
    for (int i = 0; i < sched.ncpu; i++)
        if (rt_ps[i] != p_self()) plat_ipi(i); // rt_irq_ipi arms that core's timer
    return true;
}

uint64_t profile_cpu_end(void) {
    uint64_t hz = (uint64_t)(1000000000ll / cpu_period);
    change_begin();
    hint_store(&cpu_live, false);
    if (!rt_knobs.cpuprof) {
        hint_store(&profile_wanted, profile_wanted & ~PROFILE_CPU);
        for (int i = 0; i < sched.ncpu; i++)
            hint_store(&rt_ps[i]->profile_next, TIME_NEVER);
    }
    change_end();
    return hz;
}

void profile_cpu_forget(void *unused) {
    if (rt_knobs.cpuprof) return; // its counts go on
    change_begin();
    for (int i = 0; i < sched.ncpu; i++) {
        ProfileTable *t = rt_ps[i]->samples;
        if (!t) continue;
        for (const ProfileBucket *b = NULL; hint_load(&t->labelled) && (b = proftab_next(t, b));)
            gc_shade(b->label);
        proftab_reset(t);
    }
    change_end();
}

// ---- waiting

static bool is_blocking(unsigned why) { return why >= WAIT_CHAN_SEND && why <= WAIT_WAITGROUP && why != WAIT_SLEEP; }
static bool is_mutex(unsigned why) { return why == WAIT_SEMA_MUTEX || why == WAIT_MUTEX || why == WAIT_RWMUTEX_R || why == WAIT_RWMUTEX_W; }

static void count(ProfileTable *t, const uintptr_t *pc, unsigned n, uint64_t times, uint64_t ns, uint64_t scale) {
    lock_acquire(&lock);
    ProfileBucket *b = hint_load(&done) ? NULL : proftab_bucket(t, pc, n, NULL);
    if (b) {
        proftab_add(b, 0, times * scale);
        proftab_add(b, 1, ns * scale);
        proftab_add(b, 2, times);
        proftab_add(b, 3, ns);
    }
    lock_release(&lock);
}

// As Go: what lasted less than the rate is counted with a probability of ns / rate, and then for what it stands for.
typedef struct Stands { uint64_t times, ns; } Stands;
static bool is_counted(uint64_t ns, uint64_t rate, Stands *s) {
    ns += ns == 0;
    *s = (Stands){1, ns};
    if (ns >= rate) return true;
    uint64_t r = rand_next(p_self());
    *s = (Stands){rate / ns + ((r >> 32) % ns < rate % ns), rate}; // rounded so that the mean is right
    return r % rate < ns;
}

void profile_waited(G *g, const G *by) {
    uintptr_t pc[PROFILE_DEPTH];
    unsigned why = g->wait_reason;
    uint64_t ns = (uint64_t)(plat_now_ns() - (int64_t)g->wait_since_ns), rate = hint_load(&profile_block_rate), every = hint_load(&profile_mutex_rate);
    StackWalk w;
    Stands s;
    if (rate && is_blocking(why) && is_counted(ns, rate, &s) && traceback_start(g, &w))
        count(profile_blocks, pc, traceback_pcs(g, w, pc, PROFILE_DEPTH), s.times, s.ns, 1);
    if (every && by && is_mutex(why) && rand_next(p_self()) % every == 0) count(profile_contention, pc, traceback_here(pc, PROFILE_DEPTH), 1, ns, every);
}

void profile_blocked(void *ns) {
    uintptr_t pc[PROFILE_DEPTH];
    uint64_t rate = hint_load(&profile_block_rate);
    Stands s;
    if (rate && is_counted(*(uint64_t *)ns, rate, &s)) count(profile_blocks, pc, traceback_here(pc, PROFILE_DEPTH), s.times, s.ns, 1);
}

// rt_watch stays as it is when the rates become 0: a wait that nobody has seen begin would seem to have lasted since the last one that somebody saw.
void profile_waits(void *arg) {
    WaitRates *r = arg;
    if (r->block > 0 && !profile_blocks) profile_blocks = proftab_new(TABLE_PAGES);
    if (r->mutex > 0 && !profile_contention) profile_contention = proftab_new(TABLE_PAGES);
    if ((r->block > 0 && !profile_blocks) || (r->mutex > 0 && !profile_contention)) {
        r->failed = true;
        return;
    }
    if (r->block >= 0) hint_store(&profile_block_rate, (uint64_t)r->block);
    if (r->mutex >= 0) hint_store(&profile_mutex_rate, (uint64_t)r->mutex);
    if (r->block <= 0 && r->mutex <= 0) return;
    rt_watch |= (r->block > 0 ? WATCH_BLOCK : 0) | (r->mutex > 0 ? WATCH_MUTEX : 0);
    sched_watched();
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
    ProfileBucket *b = proftab_bucket(goroutines, pc, n, NULL);
    if (b) proftab_add(b, 0, 1);
}

void profile_goroutines(void *unused) {
    if (goroutines && load_relaxed(&goroutines->count) == 0) g_for_each(count_goroutine, NULL);
}

// ---- out

void profile_close(void) {
    if (hint_load(&done)) return;
    duration = plat_now_ns() - sched.start_ns;
    hint_store(&done, true);
}

void profile_write_out(void) {
    if (rt_knobs.cpuprof)
        for (int i = 0; i < sched.ncpu; i++)
            proftab_write_out(rt_ps[i]->samples, "cpu", rt_knobs.cpuprof, duration);
    if (rt_knobs.heapprof) profile_heap_write_out(duration);
    if (goroutines) proftab_write_out(goroutines, "goroutine", 1, duration);
    if (rt_knobs.mutexprof) proftab_write_out(profile_contention, "mutex", rt_knobs.mutexprof, duration);
    if (rt_knobs.blockprof) proftab_write_out(profile_blocks, "block", rt_knobs.blockprof, duration);
}
