// chan_model.h -- Go's channels as a plain model (chan_model.c), and the driver that compares rt/chan.c and rt/select.c with it.
//
// The model says, for each operation of an actor: what it does at once, whom it completes, whether it blocks or panics. Where Go leaves a
// choice (which ready case of a select), the model says what is allowed and follows what was chosen. After each operation the
// channels' insides (length, values, who waits in which order) and the set of actors that were readied are compared.
#pragma once
#include "actors.h"
#include "chan.h"

enum { ACTORS = 8, CHANNELS = 5, CASES_MAX = 6, VALUE_MAX = 200 };

typedef struct ChanMix {
    unsigned send, recv, try_send, try_recv, select, close; // relative frequencies
} ChanMix;

void model_init(void);
// `steps` random operations of random actors, each compared.
void model_run(int steps, ChanMix mix);
// What happened since model_init, so that a test can ask whether everything was met.
typedef struct ModelCounts {
    unsigned long blocked, handed_over, buffered, closed_waiters, panics, selects_blocked, selects_default, stale;
} ModelCounts;
extern ModelCounts model_counts;
