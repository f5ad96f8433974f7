// case.h -- what a program for the simulator (tests/sim/*.c) sees beside the public interface.
//
// main sets up, calls sim_begin once, does what is to be examined and returns 0. What comes before sim_begin runs once, in the
// default order; each run repeats what comes after it.
#pragma once
#include "rt/burrow.h"

// SIM_TIME: a search also lets time jump to the next deadline, at any point. SIM_FAIR: cores take turns at each point and time passes evenly,
// in all modes: for what depends on how long things take.
enum { SIM_TIME = 1, SIM_FAIR = 2 };
void sim_begin(unsigned flags);
void sim_point(void); // another core, or an interrupt, may come here
// For code that is to be like a driver's: not preempted where it stands, without stack checks, fit for interrupts.
#define RUNTIME_TEXT __attribute__((section("case_runtime_text"), no_split_stack, noinline))
// Core `core` soon gets an interrupt whose handler calls fn(arg) (RUNTIME_TEXT).
void sim_device(int core, void (*fn)(void *arg), void *arg);
_Noreturn void sim_fail(const char *what); // constant text
// A case may define it: the command line, with GODEBUG=gcforce=0 for time jumps. Cores beyond GOMAXPROCS come up when sim_begin has been called.
extern const char *const sim_knobs;

#define CASE_TEXT_(x) #x
#define CASE_LINE_(x) CASE_TEXT_(x)
#define CHECK(c)      ((c) ? (void)0 : sim_fail(__FILE__ ":" CASE_LINE_(__LINE__) ": does not hold: " #c))
