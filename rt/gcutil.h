// gcutil.h -- how much of the machine the collector left to the program: mutator utilisation, on average and in the worst window of a given length.
//
// A pause says little: many short ones in a row stop a program as well as a long one. Minimum mutator utilisation (Cheng and Blelloch; Go's
// internal/trace/mmu.go reckons it from execution traces) is the smallest part of the machine that the program had in any window of, say, 10 ms.
//
// The collector notes what it takes: a time from, a time to, a share of the machine. These sum up to a step function, `level`; a window that ends at t and is w long
// has the utilisation 1 - (I(t) - I(t - w)) / w, I being the integral. It is linear in t between the times where one end of the window meets
// a step, so only these times have to be looked at: two passes over the steps for each length of window.
//
// Room for steps is bounded. Between cycles nothing is being taken, so what is there can be settled (util_settle), and all but the last 100 ms, which windows
// to come may reach into, be forgotten. Steps that find no room in one cycle are counted, not reckoned with.
//
// Functions of a record, no clock, no locks: tests/unit/test_gcutil.c compares them with a model.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define UTIL_ONE     65536 // the whole machine
#define UTIL_WINDOWS 3
extern const int64_t util_windows[UTIL_WINDOWS]; // ns, ascending

typedef struct UtilStep {
    int64_t at;
    int64_t before; // settled: what had been taken until here, in ns * UTIL_ONE
    int32_t change; // of the sum of all shares
    int32_t level;  // settled: from here on; at most UTIL_ONE, since a core's turn and a stop may overlap a little
} UtilStep;

typedef struct Util {
    UtilStep *step;
    uint32_t n, room;
    uint64_t dropped;               // intervals without room
    int64_t from, settled;          // steps are complete in between; windows that ended until `settled` have been looked at
    int64_t start, taken;           // all: since when; what was taken until `settled`, ns * UTIL_ONE
    int64_t most[UTIL_WINDOWS];     // taken in one window, ns * UTIL_ONE; -1: there was none so long
} Util;

void util_init(Util *u, UtilStep *room, uint32_t n, int64_t start);
void util_take(Util *u, int64_t from, int64_t to, int32_t share); // both at or after the latest `settled`, in any order
void util_settle(Util *u, int64_t now); // now: after all that was taken. Nothing is taken across it
// Left to the program, in millionths. -1: there was no such window.
int64_t util_minimum(const Util *u, int window);
int64_t util_mean(const Util *u);
