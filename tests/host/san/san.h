// san.h -- what the platform of the sanitizer builds shares: rt/plat.h on threads, without signals.
//
// Sanitizers delay signals or break under them, so there are none: an interrupt is a flag that its core looks at when it
// spins, sleeps or switches (san_poll). Preemption is therefore cooperative; requests of other cores are in P.request, where
// doors find them without any interrupt.
#pragma once
#include "tests/host/host.h"

void san_poll(void); // serves the calling core's interrupts
_Noreturn void san_core_enter(P *p, void (*fn)(int cpu));
void san_core_entered(void); // first thing on the system stack
