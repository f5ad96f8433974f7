// gc.c -- (skeleton: interfaces only)
#include "sched.h"

Gc gc;
void gc_init(void) {}
void gc_catch_up(P *p) { p->gc.seen = load_relaxed(&gc.epoch); }
bool gc_worker_turn(P *p) { return false; }
bool gc_idle_turn(P *p) { return false; }
void gc_allocated(uint64_t bytes) {}
bool gc_force(void) { return false; }
int64_t gc_next_turn(const P *p) { return TIME_NEVER; }
