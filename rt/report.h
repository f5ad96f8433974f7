// report.h -- ending with a report: fatal errors, goroutine dumps.
#pragma once
#include "core.h"

// Only the first core that gets here reports; the others are frozen. Any context but interrupts of a frozen core.
void report_begin(void);
_Noreturn void report_end(int status);
bool report_frozen(void);          // preempt.c: an IPI during a report does not return
_Noreturn void report_wait_frozen(void); // interrupt context: stay here until the machine ends
// "goroutine N [running]:" and the stack of the current goroutine, as Go prints it.
void traceback_self(void);
const char *fault_signal(const G *g);
