// pprof.h -- what the files of profiles share.
#pragma once
#include "go.h"
#include "../proftab.h"

typedef struct { intptr_t n; bool ok; } GoCount;  // of records; ok: there was room for all

// Copies a stack as Go's profiles have it: return addresses, of the program's frames only; lead: and of the runtime's that come before them. Returns how many, at most max, and
// puts 0 behind them if there is room. System stack.
unsigned go_profile_stack(uintptr_t *to, unsigned max, const uintptr_t *pc, unsigned n, bool lead);
