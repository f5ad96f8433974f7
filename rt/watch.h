// watch.h -- where the scheduler lets itself be looked at: hooks of the event trace (trace.c) and of the mutex and block profiles
// (profile.c).
//
// rt_watch says who wants to know. It is written by the boot core before the others run, and later by nobody but a program in Go that starts to profile waiting, which stops the world
// for that; a bit once set stays: so a hook that
// nobody wants is one compare of a word in memory and one branch that is never taken, and a plain read is no race. What is behind the branch may
// be slow, and runs on the system stack: hooks stand in doors, on goroutines' stacks with little room.
//
// Few sites see everything. While somebody looks, every switch goes through the scheduler (sched_watched), so that starts have one hook, in
// sched_execute, and the direct switches have none. A goroutine's state says why it stopped. One that nobody has seen yet is new when it is first made
// ready: birth needs no hook. So switches cost nothing, and a wake-up (g_ready) one instruction, an "or" to a test that it makes anyway.
#pragma once
#include "core.h"

enum { WATCH_TRACE = 1, WATCH_BLOCK = 2, WATCH_MUTEX = 4, WATCH_LEAK = 8 };
extern uint32_t rt_watch; // WATCH_*; 0 nearly always
#ifdef RT_BLIND           // make bench BLIND=1: as if there were no hooks, to see what they cost
#define RT_WATCH 0u
#else
#define RT_WATCH rt_watch
#endif

// Why a goroutine that can run was stopped; those that wait have their WaitReason instead.
typedef enum { LEFT_YIELD = 64, LEFT_AT_CALL, LEFT_ANYWHERE, LEFT_AT_DOOR, LEFT_FOR_GC, LEFT_END } LeftReason;

// ---- slow halves (watch.c). Any stack but an interrupt's
void watch_run(G *g);                   // about to run on this core, which runs nothing
void watch_left(G *g, LeftReason why);  // g leaves its core, and nobody else can have it yet; why: unless it waits or is dead
void watch_ready(G *g);                 // g is off its core and about to be queued, by p->g or by nobody
void watch_start(void);                 // rt_main: knobs; before other cores run
void watch_close(void);                 // the program ends, or a report of its end begins: what happens from here on is not part of what was looked at. Any context
void watch_end(void);                   // the program or its report is over: everything goes out. System stack

#define WATCHED() unlikely(RT_WATCH != 0)

// The running goroutine is about to wait for what lies at `what`, or for n select cases there.
static inline void watch_wait(const void *what, uint32_t n) {
    if (!WATCHED()) return;
    G *g = g_self();
    g->wait_on = what;
    g->wait_n = n;
}
