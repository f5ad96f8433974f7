// schedtrace.h -- GODEBUG=schedtrace=ms, scheddetail=1: what the scheduler looks like, every so often, in Go's format.
#pragma once
#include "core.h"

extern int64_t schedtrace_due; // core 0's; TIME_NEVER: not wanted. Its interrupts and schedule() write it
void schedtrace_start(void);   // rt_main
bool schedtrace_tick(P *p, int64_t now); // interrupt of core 0: it is time; the caller asks for the scheduler (REQ_SCHEDTRACE)
void schedtrace_print(void);             // schedule(), core 0
