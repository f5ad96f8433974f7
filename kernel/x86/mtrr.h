// mtrr.h -- the same memory types on all cores.
#pragma once

void mtrr_read_boot(void); // [boot] before other cores start: theirs shall be this core's
// A starting core, interrupts off: compares, and sets what differs.
void mtrr_init_core(void);
void mtrr_report(void); // [boot] when the cores are online: says how many were set, and how many could not be
