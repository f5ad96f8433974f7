// button.h -- the power button.
#pragma once
#include <stdbool.h>

// Makes a press end the program with BUTTON_STATUS. [boot], after ioapic_init; without a button, or a way to
// hear it, nothing happens.
void button_init(void);
// Has it been pressed since the machine stopped listening to interrupts? [any]
bool button_is_pressed(void);
enum { BUTTON_STATUS = 143 }; // what a shell shows for a process that was asked to end (128 + SIGTERM)
