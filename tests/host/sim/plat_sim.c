// plat_sim.c -- rt/plat.h for the simulated machine, and what a test program may ask of it.
//
// Everything that rt calls on a goroutine's stack only notes something and stops at a point. Memory, stacks: world.c.
#include "sim.h"
#include "case.h"
#include <string.h>
#include <unistd.h>

// ---- cores
int plat_cpu_count(void) { return sim.cores; }
void plat_cpu_start(int cpu, void (*fn)(int cpu)) {
    sim_start_core(&sim.core[cpu], fn);
    if (cpu >= sched.nproc) sim.core[cpu].state = CORE_LATE;
}
void plat_idle(P *p) { sim_stop(STOP_SLEEP); }
void plat_spin(unsigned turns) { sim_stop(STOP_SPIN); }

// Linux wakes the sleeper and no more, the metal sends it an interrupt.
void plat_wake(int cpu) {
    sim_point();
    SimCore *c = &sim.core[cpu];
    if (c->state != CORE_IDLE) return;
    c->woken = true;
    if (sim.choosing && choose(CHOOSE_WAKE, 2)) c->ipi = true;
}

void plat_ipi(int cpu) {
    sim_point();
    sim.core[cpu].ipi = true;
}

// ---- time
int64_t plat_now_ns(void) { return sim.now; }
int64_t plat_wall_ns(void) { return 0; }
void plat_timer_arm(int64_t deadline) {
    sim_point();
    sim.running->deadline = deadline;
}

// ---- console: kept, and shown when the run fails
static void keep(const char *s, size_t n) {
    for (size_t i = 0; i < n && sim.output_bytes < SIM_OUTPUT_MAX; i++)
        sim_output[sim.output_bytes++] = s[i];
}
size_t plat_write_try(const char *s, size_t n) {
    keep(s, n);
    return n;
}
void plat_write(const char *s, size_t n) { keep(s, n); }
PlatInput plat_input_start(void) { return PLAT_INPUT_NONE; }
size_t plat_console_drain(void) { return 0; }
void plat_report_begins(void) {}
bool plat_side_write(const void *data, size_t n) { return false; }

_Noreturn void plat_exit(int code) {
    sim.exit_code = code;
    sim_stop(STOP_EXIT);
    __builtin_unreachable();
}

// ---- memory: large objects are direct or not at all
void *plat_vmap(void *const *frames, size_t n) { return NULL; }
void plat_vunmap(void *addr, size_t n) {}
bool plat_reclaim(void) { return false; }

// ---- the rest
void plat_fpu_capture(void *area) { __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory"); }
PlatBlob plat_blob_files(void) { return (PlatBlob){NULL, 0}; }
PlatBlob plat_blob_symbols(void) { return (PlatBlob){NULL, 0}; }

// ---- for test programs
void sim_begin(unsigned flags) {
    sim.flags = flags;
    sim_stop(STOP_BEGIN);
}
_Noreturn void sim_fail(const char *what) {
    sim.failure = what;
    sim_stop(STOP_FAIL);
    __builtin_unreachable();
}

void sim_device(int core, void (*fn)(void *arg), void *arg) {
    SimCore *c = &sim.core[core];
    if (c->devices == sizeof c->device / sizeof *c->device) sim_fail("sim_device: too many at once");
    c->device[c->devices++] = (struct Device){fn, arg};
    c->ipi = true;
    sim_point();
}
