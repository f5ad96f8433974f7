// gcutil.h -- how much of the machine the collector left to the program: mutator utilisation, on average and in the worst window of a given length.
//
// A pause says little: many short ones in a row stop a program as well as a long one. Minimum mutator utilisation (Cheng and Blelloch; Go's
// internal/trace/mmu.go reckons it from execution traces) is the smallest part of the machine that the program had in any window of, say, 10 ms.
//
// The collector says when it begins to take a share of the machine, and when it gives it back. These changes come in the order of time and sum up to a step
// function, `level`; a window that ends at t and is w long has the utilisation 1 - (I(t) - I(t - w)) / w, I being the integral. It is linear in t
// between the times where one end of the window meets a step, so only these times have to be looked at: for each length of window one cursor goes
// over the windows that end at a step, another over those that begin at one.
//
// A change costs a bounded number of instructions (each cursor goes UTIL_WORK steps at most, and needs two for each change), because changes come while the world is
// stopped and goroutines wait; whatever a cursor is behind, it makes up with later changes, or at the end. So nothing has to be sorted, or settled between cycles.
//
// Room is bounded, and enough for ever. Changes less than `grain` apart are taken as one, at the time of the first, so that the longest window holds at most half of the
// n steps that there is room for. The h steps that a cursor still needs let it be 2h of its own behind at most, after a rest in which all of their windows ended; each
// change makes up for UTIL_WORK - 2 = 6, so it has caught up after h / 3 changes. So h <= n / 2 + h / 3, which is three quarters of the room.
//
// Functions of a record, no clock, no locks: tests/unit/test_gcutil.c compares them with a model.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define UTIL_ONE     65536 // the whole machine
#define UTIL_WINDOWS 3
#define UTIL_WORK    8u // steps of a cursor for a change
extern const int64_t util_windows[UTIL_WINDOWS]; // ns, ascending

typedef struct UtilStep {
    int64_t at;
    uint64_t before; // what had been taken until here, ns * UTIL_ONE; wraps around, differences count
    int32_t level;   // from here on; at most UTIL_ONE, since a core's turn and a stop may overlap a little
} UtilStep;

// Steps are numbered from 0; number i lies at i % room.
typedef struct UtilCursor {
    uint64_t next;  // the next step to look at windows of
    uint64_t other; // the last step not behind the other end of the window
} UtilCursor;

typedef struct Util {
    UtilStep *step;
    uint32_t room;
    uint64_t n;                                // steps so far
    int64_t grain, start;                      // ns
    int32_t sum;                               // of all shares that are taken now
    uint64_t taken, rest;                      // until the last step: ns, and less than one in 1 / UTIL_ONE
    int64_t most[UTIL_WINDOWS];                // taken in one window, ns * UTIL_ONE; -1: there was none so long
    UtilCursor ending[UTIL_WINDOWS], beginning[UTIL_WINDOWS];
    uint32_t worked;                           // steps of all cursors in the last util_change
} Util;

void util_init(Util *u, UtilStep *room, uint32_t n, int64_t start); // n: a power of two, at least 8
void util_change(Util *u, int64_t at, int32_t change);              // not before the last one, or it counts as if at the same time
void util_settle(Util *u, int64_t now);                             // before results are asked for: may take long
// Left to the program, in millionths. -1: there was no such window.
int64_t util_minimum(const Util *u, int window);
int64_t util_mean(const Util *u);
