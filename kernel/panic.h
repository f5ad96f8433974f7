// panic.h -- the crash report's doors for the trap code.
#pragma once
#include "kernel/kernel.h"

_Noreturn void panic_overflow(TrapFrame *tf, const char *stack, int cpu); // "system stack overflow on core 2"
_Noreturn void
panic_report_failed(const TrapFrame *tf); // the report itself cannot be written: one line and the end
_Noreturn void panic_stop_here(const TrapFrame *tf); // another core reports; this one stands still for ever
bool panic_in_progress(void);
void panic_print_frame(
    const TrapFrame *tf); // a backtrace, by words that are looked up before they are read. [any]
