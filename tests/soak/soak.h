// soak.h -- what the soak program runs: the programs of apps/, and work of its own. Each ends with nothing
// left: no goroutine, no armed timer, nothing reachable.
#pragma once
#include "rt/burrow.h"

int app_hello(int argc, char **argv);
int app_pingpong(int argc, char **argv);
int app_sha256sum(int argc, char **argv);
int app_wordfreq(int argc, char **argv);

// work.c; a panic if something is wrong with the result
void work_spawn(void);    // goroutines by the thousand
void work_timers(void);   // timers set, reset, stopped; tickers; deadlines
void work_deep(void);     // deep stacks, and panics that leave them
void work_trees(void);    // small objects, collections meanwhile
void work_maps(void);     // grown, emptied
void work_select(void);   // many to many, with select
void work_locks(void);    // all kinds of locks
void work_large(void);    // large objects
void work_finals(void);   // finalizers, which run
void work_cores(void);    // pinned, locked, on a core of their own, fewer Ps
void work_spinners(void); // loops without calls: preempted anywhere
