// main.c -- command line of a simulated program: which runs to make, what to say about them.
//
//     build/sim/CASE [--cores=2] [--bound=2] [--limit=N]   all schedules with at most `bound` deviations, at most N
//     build/sim/CASE [--cores=3] --seeds=N [--seed=FIRST]  N random schedules
//     build/sim/CASE [--cores=K] --seed=S [--trace]        one of them again
//     build/sim/CASE [--cores=K] --schedule=17:1,240:1 [--trace]
#include "sim.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define HWCAP2_FSGSBASE 2
#define SYSTEM_STACK    (64u << 10)
#define IRQ_STACK       (16u << 10)

extern const char *const sim_knobs __attribute__((weak)); // case.h

static const char *program, *path;
static uint64_t seed, seeds, limit = 3000000;
static unsigned bound = 2;
static int cores;
static const char *schedule;
static bool random_run;
static uint64_t first_point; // of this run, in sim.points

static void boot(int cpu) {
    SimCore *self = &sim.core[0];
    self->p = rt_boot_p();
    sim_point(); // from here on %gs is set
    rt_p_set_stack(self->p, self->sys_lo, self->sys_hi, self);
    if (!rt_mem_add(sim_memory_lo, sim_memory_hi, 0)) rt_throw("sim: no memory");
    for (int i = 1; i < sim.cores; i++) {
        SimCore *c = &sim.core[i];
        c->p = rt_p_new(i);
        rt_p_set_stack(c->p, c->sys_lo, c->sys_hi, c);
    }
    if (!rt_cmdline("sim", &sim_knobs ? sim_knobs : "GODEBUG=gcforce=0")) plat_exit(2);
    rt_main();
}

static void machine_init(void) {
    if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE)) {
        fprintf(stderr, "sim: this processor or kernel has no wrgsbase\n");
        exit(77);
    }
    world_init();
    rt_fpu_mode = FPU_FXSAVE;
    sim.cores = cores;
    for (int i = 0; i < cores; i++) {
        SimCore *c = &sim.core[i];
        c->id = i;
        c->deadline = TIME_NEVER;
        c->sys_hi = world_stack(SYSTEM_STACK);
        c->sys_lo = c->sys_hi - SYSTEM_STACK;
        c->irq_hi = world_stack(IRQ_STACK);
    }
    if (!sim_boot(boot)) {
        fwrite(sim_output, 1, sim.output_bytes, stdout);
        fprintf(stderr, "%s: ended before sim_begin\n", program);
        exit(2);
    }
    world_save();
}

static double now_s(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

// Ends the process: what went wrong, what the program and the runtime printed, how to see it again.
static _Noreturn void fail(const char *what) {
    printf("FAILED %s: %s, after %" PRIu64 " points\n", program, what, sim.points - first_point);
    fwrite(sim_output, 1, sim.output_bytes, stdout);
    trace_print();
    printf("again: %s --cores=%d ", path, cores);
    if (random_run) {
        printf("--seed=%" PRIu64, seed);
    } else {
        printf("--schedule=");
        choice_print_schedule();
    }
    printf(" --trace\n");
    fflush(stdout);
    _exit(1);
}

// A bad access of the runtime: on a stack of its own, because the faulting core's may be what is broken.
static void on_fault(int sig, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    trace_event("faults", sim.running, (uintptr_t)uc->uc_mcontext.gregs[REG_RIP] + 1);
    static char what[100];
    snprintf(what, sizeof what, "%s at pc %#llx, address %p", strsignal(sig), uc->uc_mcontext.gregs[REG_RIP], info->si_addr);
    fail(what);
}

static void catch_faults(void) {
    static char stack[64 << 10];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigaction(faults[i], &sa, NULL);
}

// One run from the saved state; returns its number of points.
static uint64_t run(void) {
    world_restore();
    if (random_run)
        for (int i = 0; i < cores; i++)
            rt_ps[i]->rand = choice_random() | 1; // order of stealing, of select's cases
    choice_restart();
    first_point = sim.points;
    const char *failure = sim_run();
    if (failure) fail(failure);
    return sim.points - first_point;
}

static void run_seeds(void) {
    uint64_t n = 0, points = 0;
    double start = now_s();
    for (; n < seeds; n++, seed++) {
        choice_seed(seed);
        points += run();
    }
    printf("%-14s %d cores: seeds %" PRIu64 " to %" PRIu64 " ok, %" PRIu64 " points a run, %.1f s\n", program, cores, seed - n,
           seed - 1, points / (n ? n : 1), now_s() - start);
}

static void run_search(void) {
    uint64_t n = 0, longest = 0;
    double start = now_s();
    choice_search(bound);
    bool more;
    do {
        uint64_t points = run();
        if (points > longest) longest = points;
        n++;
    } while ((more = choice_next()) && n < limit);
    printf("%-14s %d cores: %s%" PRIu64 " schedules with at most %u deviations ok, longest %" PRIu64 " points, %.1f s\n", program,
           cores, more ? "the first " : "all ", n, bound, longest, now_s() - start);
}

static const char *value(const char *arg, const char *name) {
    size_t n = strlen(name);
    return strncmp(arg, name, n) == 0 ? arg + n : NULL;
}

static void bad(const char *arg) {
    fprintf(stderr, "%s: %s: expected --cores=1..%d --bound=N --limit=N --seeds=N --seed=N --schedule=POINT:CHOICE,... --all --trace --points\n",
            program, arg, SIM_CORES_MAX);
    exit(2);
}

static uint64_t number(const char *arg, const char *text) {
    char *end;
    uint64_t n = strtoull(text, &end, 0);
    if (*end || end == text) bad(arg);
    return n;
}

int main(int argc, char **argv) {
    const char *slash = strrchr(argv[0], '/'), *v;
    path = argv[0];
    program = slash ? slash + 1 : argv[0];
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if ((v = value(a, "--cores="))) cores = number(a, v) > 0 ? (int)number(a, v) : -1;
        else if ((v = value(a, "--bound="))) bound = (unsigned)number(a, v);
        else if ((v = value(a, "--limit="))) limit = number(a, v);
        else if ((v = value(a, "--seeds="))) seeds = number(a, v);
        else if ((v = value(a, "--seed="))) seed = number(a, v), random_run = true;
        else if ((v = value(a, "--schedule="))) schedule = v;
        else if (strcmp(a, "--all") == 0) search_all = true;
        else if (strcmp(a, "--trace") == 0) trace_on = true;
        else if (strcmp(a, "--points") == 0) trace_on = trace_points = true;
        else bad(a);
    }
    random_run |= seeds > 0;
    if (cores == 0) cores = random_run ? 3 : 2;
    if (cores < 1 || cores > SIM_CORES_MAX) bad("--cores");
    if (schedule && !choice_replay(schedule)) bad(schedule);
    setvbuf(stdout, NULL, _IOLBF, 0);
    machine_init();
    catch_faults();
    if (random_run) {
        if (!seeds) seeds = 1;
        run_seeds();
    } else if (schedule) {
        printf("%s: ok, %" PRIu64 " points\n", program, run());
    } else {
        run_search();
    }
    if (trace_on) trace_print();
    return 0;
}
