// san.h -- what the platform of the sanitizer builds shares: rt/plat.h on threads, without signals.
//
// Sanitizers delay signals or break under them, so there are none: an interrupt is a flag that its core looks at when it
// spins, sleeps or switches (san_poll), and now and then in the program's own code: the compiler calls __sanitizer_cov_trace_pc
// (switch.c) in each of its basic blocks, which also answers requests, as a door does. So loops without calls are preempted,
// between two statements instead of between two instructions, and never with a register that only an interrupt would save.
#pragma once
#include "tests/host/host.h"

void san_poll(void); // serves the calling core's interrupts
_Noreturn void san_core_enter(P *p, void (*fn)(int cpu));
void san_core_entered(void); // first thing on the system stack
