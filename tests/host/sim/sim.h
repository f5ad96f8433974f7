// sim.h -- the simulated machine: rt/plat.h on one thread, where every choice comes from one place and can be repeated.
//
// Problem: a race between cores shows itself once in a million runs and never again. Here cores are coroutines. A core runs
// until its next *point* (an atomic operation, a spin, going idle; see point.h) and stops there; the loop in sim.c then decides who goes
// on, which interrupts arrive and how much time has passed. All of that is asked of choice.c: a seeded generator, a systematic
// search, or a recorded schedule. Time is virtual, addresses are fixed, so the same choices give the same run.
//
// A run begins in the state that the program's sim_begin() left (world.c keeps a copy) and ends with the program, or with a failure:
// status other than 0, a hang (all cores sleep, no timer is armed), or too many points.
//
// Stacks: the loop has the process's own. A core's context is on a goroutine's stack, on its system stack, or, in a simulated
// interrupt, on its interrupt stack; `sp` of its SimCore is where it stopped. Interrupts arrive at points only: in the runtime, at the
// program's own atomic operations, and where it calls sim_point().
#pragma once
#include "rt/core.h"

#define SIM_CORES_MAX 8

typedef enum { CORE_OFF, CORE_LATE, CORE_READY, CORE_IDLE } CoreState; // LATE: comes up when the run begins

typedef struct SimCore {
    uintptr_t sp;    // read by switch.asm
    uintptr_t guard; // its %fs:0x70 while it is stopped
    P *p;
    int id;
    CoreState state;
    void (*fn)(int cpu);
    bool ipi, tick;        // interrupts that have not been delivered
    bool woken;            // plat_wake was called since it went idle
    unsigned hold;         // points for which interrupts stay away
    bool in_tick;          // which interrupt is being served
    struct Device {        // handlers that the next interrupt calls
        void (*fn)(void *);
        void *arg;
    } device[4];
    int devices;
    uintptr_t interrupted; // sp of the interrupted context; 0: not in an interrupt
    int64_t deadline;      // of the one-shot timer; TIME_NEVER: not armed
    uintptr_t sys_lo, sys_hi, irq_hi;
} SimCore;

// Why a core gave control to the loop.
typedef enum { STOP_POINT, STOP_SPIN, STOP_SLEEP, STOP_IRQ_END, STOP_BEGIN, STOP_EXIT, STOP_FAIL } StopReason;

// Everything that a run changes outside the runtime's own memory; copied and restored with it.
typedef struct Machine {
    SimCore core[SIM_CORES_MAX];
    int cores;
    SimCore *running;
    StopReason reason;
    int64_t now;
    uint64_t points;
    unsigned streak; // points of the same core in a row
    bool choosing;  // false before sim_begin: the default everywhere
    unsigned flags; // of sim_begin
    int exit_code;
    const char *failure; // STOP_FAIL
    size_t output_bytes; // in sim_output
} Machine;
extern Machine sim;

#define SIM_OUTPUT_MAX 16384
extern char sim_output[SIM_OUTPUT_MAX]; // what the run printed

// ---- sim.c
// Gives control to the loop; returns when this core is chosen again. The fields of `sim` say why. Small.
void sim_stop(StopReason why);
void sim_point(void); // switch.asm: the same for an ordinary point
void sim_start_core(SimCore *c, void (*fn)(int cpu));
// Runs until sim_begin; false: it never came. Then the state is ready to be saved.
bool sim_boot(void (*fn)(int cpu));
// Runs to the end. NULL: well; otherwise what went wrong (static or in sim_output's style: short).
const char *sim_run(void);
extern uint64_t sim_points_max;

// ---- choice.c
typedef enum { CHOOSE_CORE, CHOOSE_SPINNER, CHOOSE_HOLD, CHOOSE_TIME, CHOOSE_WAKE, CHOOSE_SPURIOUS } ChoiceKind;
// 0..n-1; 0 is what happens by default.
int choose(ChoiceKind kind, int n);
unsigned choose_hold(void); // points for which an interrupt that comes now is delayed; 0: not at all
int64_t choose_step(void); // ns that pass between two points
void choice_seed(uint64_t seed);           // random from here on
uint64_t choice_random(void);
void choice_search(unsigned bound);        // systematic; before the first run
bool choice_next(void);                    // false: all schedules within the bound were run
void choice_restart(void);                 // before each run of a search or replay
// A search need not follow this run any further: from this state everything has been searched. Asked when cores change.
bool choice_seen(const SimCore *next);
bool choice_replay(const char *schedule);  // false: malformed
extern bool search_all; // every schedule, also those that meet others
void choice_print_schedule(void);          // deviations of the run that has just ended

// ---- world.c
extern const uintptr_t sim_memory_lo, sim_memory_hi;
void world_init(void);
uintptr_t world_stack(size_t bytes); // its top
void world_save(void);
void world_restore(void);
uint64_t world_hash(const SimCore *next); // of the state in which `next` is about to go on

// ---- trace.c
extern bool trace_on, trace_points;
void trace_event(const char *what, const SimCore *c, uintptr_t pc);
void trace_print(void);
