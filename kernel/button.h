// button.h -- the power button.
#pragma once

// Makes a press end the program with BUTTON_STATUS. [boot], after ioapic_init; without a button, or a way to
// hear it, nothing happens.
void button_init(void);
enum { BUTTON_STATUS = 143 }; // what a shell shows for a process that was asked to end (128 + SIGTERM)
