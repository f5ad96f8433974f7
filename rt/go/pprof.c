// pprof.c -- the profiles of packages runtime and runtime/pprof but the heap's (pprof_heap.c), from the tables of rt/profile.c.
//
// CPU. The tables count; they are read when the profile has ended, when nobody writes to these counts any more. runtime/pprof asks every 100 ms, and gets its header
// first, then nothing, and in the end everything. `cpu` says where we are; only who takes it from one state to the next does what that needs.
//
// Labels of goroutines (pprof.Do) are maps of package runtime/pprof, for us a pointer: G.go_labels, which goroutines inherit, and with which samples are counted (rt/profile.c).
#include "pprof.h"
#include "panic.h"
#include "unwind.h"
#include "../cell.h"
#include "../profile.h"
#include "../report.h"
#include "../sched.h"

unsigned go_profile_stack(uintptr_t *to, unsigned max, const uintptr_t *pc, unsigned n, bool lead) {
    extern const char __start_app_text[], __stop_app_text[];
    unsigned k = 0;
    bool body = false;
    uintptr_t first = n ? pc[0] + 1 : 0;
    for (unsigned i = 0; i < n && k < max; i++) {
        RtSymbol s;
        char buf[160];
        uintptr_t at = pc[i];
        bool app = at >= (uintptr_t)__start_app_text && at < (uintptr_t)__stop_app_text;
        if (!app && lead) to[k++] = at + 1;
        for (unsigned level = 0; app && k < max; level++) {
            bool known = rt_symbolize_level(at, level, &s), wrapper = body;
            if (!known && level > 0) break;
            lead = false;
            body = known && rt_go_is_body(s.name);
            if (wrapper || (known && !rt_go_name(s.name, buf, sizeof buf))) continue; // the compiler's
            to[k++] = pc_of(at + 1, level);
            if (!known) break;
        }
    }
    if (k == 0 && n > 0 && max > 0) to[k++] = first;
    if (k < max) to[k] = 0;
    return k;
}

// ---- CPU
typedef enum { CPU_IDLE, CPU_CHANGES, CPU_ON, CPU_ENDED } CpuState;
static _Atomic uint32_t cpu; // CpuState. release by who changes it, acquire by who goes on
static bool header_given;
static uint64_t cpu_hz;

static void begin(void *ok) { *(bool *)ok = profile_cpu_begin((uint32_t)cpu_hz); }
static void say_taken(void *unused) { rt_printf("runtime: cannot set CPU profile rate until previous profile has finished.\n"); }
static void end(void *unused) { cpu_hz = profile_cpu_end(); }

static bool cpu_take(uint32_t from) {
    return __atomic_compare_exchange_n((uint32_t *)&cpu, &from, CPU_CHANGES, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void go_set_cpu_profile_rate(intptr_t hz) GO("runtime.SetCPUProfileRate");
void go_set_cpu_profile_rate(intptr_t hz) {
    if (hz <= 0) {
        if (!cpu_take(CPU_ON)) return;
        sys_call(end, NULL);
        store_release(&cpu, CPU_ENDED);
    } else if (cpu_take(CPU_IDLE)) {
        bool ok;
        cpu_hz = hz > 10000 ? 10000 : (uint64_t)hz;
        header_given = false;
        sys_call(begin, &ok);
        if (!ok) go_throw("out of memory: no room for a profile");
        store_release(&cpu, CPU_ON);
    } else sys_call(say_taken, NULL);
    RT_DOOR();
}

typedef struct Taken { GoSlice data, tags; bool eof; } Taken;

static void put(Taken *t, uint64_t word) { ((uint64_t *)t->data.p)[t->data.len++] = word; }

#define INLINED_MAX 3 // on average, of a stack: more are cut off at its end
typedef struct Sample { Taken *to; const ProfileBucket *from; } Sample;
static void put_sample(void *arg) {
    const Sample *s = arg;
    uint64_t *record = (uint64_t *)s->to->data.p + s->to->data.len;
    unsigned n = go_profile_stack(record + 3, INLINED_MAX * s->from->depth, s->from->pc, s->from->depth, true);
    record[0] = 3 + n;
    record[1] = 0;
    record[2] = s->from->value[1];
    s->to->data.len += 3 + n;
    ((const void **)s->to->tags.p)[s->to->tags.len++] = s->from->label; // in order: a sample, its tag
}

static const uint8_t tag_bits[] = {1};
static const String tag_name = {"unsafe.Pointer", 14};
static const Type tag_type = {.size = 8, .ptrdata = 8, .align = 8, .field_align = 8, .kind = KIND_UNSAFEPTR, .gcdata = tag_bits, .string = &tag_name};

// The tables have values[1] that do not change. Tags are stored into a new object.
static void take(void *arg) {
    Taken *t = arg;
    uint64_t words = 3 + 4, records = 2, lost = 0;
    for (int i = 0; t->eof && i < sched.ncpu; i++) {
        lost += hint_load(&rt_ps[i]->samples->lost);
        for (const ProfileBucket *b = NULL; (b = proftab_next(rt_ps[i]->samples, b));)
            if (b->value[1]) words += 3 + INLINED_MAX * b->depth, records++;
    }
    t->data = (GoSlice){go_alloc_noscan(words * 8), 0, (intptr_t)words};
    t->tags = (GoSlice){heap_alloc(records * 8, &tag_type, 0), 0, (intptr_t)records};
    if (!header_given) {
        put(t, 3), put(t, 0), put(t, cpu_hz);
        t->tags.len++;
        header_given = true;
    }
    if (lost) {
        put(t, 4), put(t, 0), put(t, 0), put(t, lost);
        t->tags.len++;
    }
    for (int i = 0; t->eof && i < sched.ncpu; i++)
        for (const ProfileBucket *b = NULL; (b = proftab_next(rt_ps[i]->samples, b));) {
            Sample s = {t, b};
            if (b->value[1]) sys_call(put_sample, &s);
        }
}

// runtime/pprof's goroutine, again and again until eof.
Taken go_read_profile(void) GO("runtime_1pprof.readProfile");
Taken go_read_profile(void) {
    Taken t = {.eof = cpu_take(CPU_ENDED)};
    if (t.eof || !header_given) call_with_stack(1024, take, &t);
    if (t.eof) {
        world_stopped_do(profile_cpu_forget, NULL);
        store_release(&cpu, CPU_IDLE);
    }
    RT_DOOR();
    return t;
}
int64_t go_cycles_per_second(void) GO("runtime_1pprof.runtime__cyclesPerSecond");
int64_t go_cycles_per_second(void) { return 1000000000; }
GoSlice go_expand_frame(GoSlice pcs) GO("runtime_1pprof.runtime__expandFinalInlineFrame");
GoSlice go_expand_frame(GoSlice pcs) { return pcs; }
void go_set_prof_label(void *labels) GO("runtime_1pprof.runtime__setProfLabel");
void go_set_prof_label(void *labels) { hint_store(&g_self()->go_labels, labels); }
void *go_prof_label(void) GO("runtime_1pprof.runtime__getProfLabel");
void *go_prof_label(void) { return g_self()->go_labels; }

// ---- waiting
uint64_t go_block_rate GO("runtime.blockprofilerate"), go_mutex_rate GO("runtime.mutexprofilerate"); // the library reads them in place

static void set_waits(WaitRates r) {
    world_stopped_do(profile_waits, &r);
    if (r.failed) go_throw("out of memory: no room for a profile");
    hint_store(&go_block_rate, hint_load(&profile_block_rate));
    hint_store(&go_mutex_rate, hint_load(&profile_mutex_rate));
}

void go_set_block_rate(intptr_t ns) GO("runtime.SetBlockProfileRate");
void go_set_block_rate(intptr_t ns) { set_waits((WaitRates){.block = ns > 0 ? ns : 0, .mutex = -1}); }

intptr_t go_set_mutex_fraction(intptr_t n) GO("runtime.burrowMutexFraction");
intptr_t go_set_mutex_fraction(intptr_t n) {
    intptr_t old = (intptr_t)hint_load(&profile_mutex_rate);
    if (n >= 0) set_waits((WaitRates){.block = -1, .mutex = n});
    return old;
}

// How the library's own tests make waits of known length.
void go_block_event(int64_t ns, intptr_t skip) GO("runtime.blockevent");
void go_block_event(int64_t ns, intptr_t skip) {
    uint64_t waited = ns > 0 ? (uint64_t)ns : 0;
    sys_call(profile_blocked, &waited);
    RT_DOOR();
}

typedef struct BlockRecord { int64_t count, cycles; uintptr_t stack[32]; } BlockRecord;
typedef struct Fill { BlockRecord *to; const ProfileBucket *from; } Fill;
static void fill(void *arg) {
    const Fill *f = arg;
    f->to->count = (int64_t)hint_load(&f->from->value[2]);
    f->to->cycles = (int64_t)hint_load(&f->from->value[3]);
    go_profile_stack(f->to->stack, 32, f->from->pc, f->from->depth, false);
}

static GoCount waits(const ProfileTable *t, GoSlice p) {
    intptr_t n = 0;
    if (!t) return (GoCount){0, true};
    for (const ProfileBucket *b = NULL; (b = proftab_next(t, b));)
        n++;
    if (n > p.len) return (GoCount){n, false};
    n = 0;
    for (const ProfileBucket *b = NULL; n < p.len && (b = proftab_next(t, b));) {
        Fill f = {(BlockRecord *)p.p + n++, b};
        sys_call(fill, &f);
        RT_DOOR();
    }
    return (GoCount){n, true};
}

GoCount go_block_profile(GoSlice p) GO("runtime.BlockProfile");
GoCount go_block_profile(GoSlice p) { return waits(profile_blocks, p); }
GoCount go_mutex_profile(GoSlice p) GO("runtime.MutexProfile");
GoCount go_mutex_profile(GoSlice p) { return waits(profile_contention, p); }

// ---- goroutines
typedef struct GoStack { uintptr_t pc[32]; } GoStack;
typedef struct AllStacks { GoStack *to; void **labels; intptr_t n, room; } AllStacks; // labels: beside each, or NULL

// As they are; go_profile_stack chooses when the others run again.
static void copy_stack(G *g, void *arg) {
    AllStacks *a = arg;
    uint32_t state = load_relaxed(&g->state);
    StackWalk w;
    if (state == G_DEAD || state == G_IDLE || g->system) return;
    if (a->n++ >= a->room) return;
    uintptr_t *pc = a->to[a->n - 1].pc;
    if (a->labels) slot_store(&a->labels[a->n - 1], g->go_labels);
    unsigned n = 0;
    if (g == p_self()->g) n = traceback_here(pc, 32);
    else if (traceback_start(g, &w)) n = traceback_pcs(g, w, pc, 32);
    if (n < 32) pc[n] = 0;
}
static void copy_stacks(void *arg) { g_for_each(copy_stack, arg); }
static void choose(void *arg) {
    uintptr_t *to = arg, pc[32];
    unsigned n = 0;
    for (; n < 32 && to[n]; n++)
        pc[n] = to[n];
    go_profile_stack(to, 32, pc, n, false);
}

static GoCount goroutines(GoSlice p, void **labels) {
    AllStacks a = {p.p, labels, 0, p.len};
    world_stopped_do(copy_stacks, &a);
    for (intptr_t i = 0; i < a.n && a.n <= p.len; i++) {
        sys_call(choose, a.to[i].pc);
        RT_DOOR();
    }
    return (GoCount){a.n, a.n <= p.len};
}
GoCount go_goroutine_profile(GoSlice p) GO("runtime.GoroutineProfile");
GoCount go_goroutine_profile(GoSlice p) { return goroutines(p, NULL); }
GoCount go_goroutine_profile_labels(GoSlice p, GoSlice labels) GO("runtime_1pprof.runtime__goroutineProfileWithLabels");
GoCount go_goroutine_profile_labels(GoSlice p, GoSlice labels) {
    return goroutines(p, labels.len >= p.len && p.len > 0 ? labels.p : NULL);
}

// A thread is a core; no stack created it.
GoCount go_thread_profile(GoSlice p) GO("runtime.ThreadCreateProfile");
GoCount go_thread_profile(GoSlice p) {
    intptr_t n = cpu_count();
    if (n > p.len) return (GoCount){n, false};
    go_clear_words(p.p, (size_t)n * sizeof(GoStack), false);
    return (GoCount){n, true};
}
