// start.c -- P's are made, cores enter the scheduler, main runs as goroutine 1.
#include "sched.h"
#include "runq.h"
#include "lib.h"
#include "inject.h"
#include "leak.h"
#include "profile.h"
#include "watch.h"

extern int app_main(int argc, char **argv, char **envp);

static P boot_p __attribute__((aligned(64)));
static RecPool p_pool = REC_POOL(sizeof(P) + 64);

static void p_init(P *p, int cpu) {
    p->self = p;
    p->id = (uint32_t)cpu;
    p->tcb[0] = (uint64_t)&p->tcb[0];
    p->tcb[5] = 0x0a0d00ff5f3a1c77ull; // stack protector canary of prebuilt code: the same on all cores
    p->armed = TIME_NEVER;
    p->rand = 0x9e3779b97f4a7c15ull * (uint64_t)(cpu + 1);
    store_relaxed(&p->timer_next, TIME_NEVER);
    store_relaxed(&p->state, P_OFF);
    lock_init(&p->local_lock, RANK_PLOCAL);
    lock_init(&p->timers_lock, RANK_TIMERS);
    rt_ps[cpu] = p;
}

P *rt_boot_p(void) {
    if (!boot_p.self) p_init(&boot_p, 0);
    return &boot_p;
}

P *rt_p_new(int cpu) {
    char *mem = rec_alloc(&p_pool);
    if (!mem) return NULL;
    P *p = (P *)(((uintptr_t)mem + 63) & ~(uintptr_t)63);
    memset(p, 0, sizeof *p);
    p_init(p, cpu);
    return p;
}

void *rt_p_tcb(P *p) { return p->tcb; }
void *rt_p_cpu(P *p) { return p->cpu; }

void rt_p_set_stack(P *p, uintptr_t lo, uintptr_t hi, void *cpu_private) {
    p->sys_lo = lo;
    p->sys_sp = hi & ~(uintptr_t)15;
    p->cpu = cpu_private;
}

static void core_main(int cpu) {
    P *p = p_self();
    RT_ASSERT_ALWAYS((int)p->id == cpu);
    store_relaxed(&p->state, P_RUNNING);
    profile_core_begins(p);
    schedule(); // which looks first whether this core is in use: the others are not counted by stops, and take no memory (preempt_refill)
}

static void exit_on_system_stack(void *code) {
    gc_summary();
    watch_end();
    plat_exit((int)(intptr_t)code & 255);
}

static _Noreturn void end(int code, bool main_returned) {
    leak_report(main_returned);
    if (unlikely(profile_wanted & PROFILE_GOROUTINE)) world_stopped_do(profile_goroutines, NULL);
    sys_call(exit_on_system_stack, (void *)(intptr_t)code);
    __builtin_unreachable();
}

void program_exit(int code) { end(code, false); }
static void main_goroutine(void *unused) { end(app_main(rt_argc, rt_argv, rt_envp), true); }

void rt_main(void) {
    P *p = p_self();
    symtab_init();
    if (!files_init()) plat_exit(2);
    sched.ncpu = plat_cpu_count();
    sched.nproc = rt_knobs.gomaxprocs > 0 && rt_knobs.gomaxprocs < sched.ncpu ? rt_knobs.gomaxprocs : sched.ncpu;
    sched.start_ns = plat_now_ns();
    if (rt_knobs.slice_ns) sched.slice_ns = rt_knobs.slice_ns;
    if (rt_knobs.max_stack) sched.max_stack = rt_knobs.max_stack;
    sched.trapstep = rt_knobs.trapstep;
    inject_start(rt_knobs.oomat, rt_knobs.oomfor, rt_knobs.oomkind);
    for (int i = 0; i < sched.ncpu; i++)
        rt_ps[i]->rand ^= (uint64_t)sched.start_ns << 8 | 1;
    preempt_init();
    preempt_refill(p);
    watch_start();
    store_relaxed(&p->state, P_RUNNING);
    G *g = g_new(main_goroutine, NULL, 0);
    if (!g) rt_throw("out of memory: no room for the first goroutine");
    store_relaxed(&g->state, G_RUNNABLE);
    runq_put(p, g);
    gc_init();
    for (int i = 1; i < sched.ncpu; i++)
        plat_cpu_start(i, core_main);
    profile_core_begins(p);
    schedule();
}
