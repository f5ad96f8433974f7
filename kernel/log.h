// log.h -- the console's share in interrupts and in the kernel's ending; the rest is in kernel.h.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Another core is writing the last report (console_panic). [any]
bool console_panic_elsewhere(void);
// For the crash report. [any] Bytes written since the start; and: the text from there on is shown as a code,
// as much of it as goes into one, where a console can.
uint64_t console_written(void);
void console_show_code(uint64_t from);
bool console_has_screen(void); // [any]
// Feeds the devices a little, from the timer's interrupt, and asks for the next time while there is more.
// [any]
void console_poll(void);
