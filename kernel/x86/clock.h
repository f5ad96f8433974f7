// clock.h -- the clock's share in interrupts; the rest is in kernel.h.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// At VEC_TIMER, after the EOI: polls the console if that is due. True: the deadline that rt armed has come.
// Interrupts off. [any]
bool clock_irq(void);
// Makes this core call console_poll at or soon after `deadline_ns`, once, beside what rt armed. [any]
void clock_poll_at(int64_t deadline_ns);
// The same for devices_poll (kernel/devices.c).
void clock_device_at(int64_t deadline_ns);
// Time is read from the board's counter from now on, aloud; where there is none, the TSC stays, aloud.
// [boot], before rt runs
void clock_leave_tsc(const char *why);
