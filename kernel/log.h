// log.h -- the console's share in interrupts and in the kernel's ending; the rest is in kernel.h.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Another core is writing the last report (console_panic). [any]
bool console_panic_elsewhere(void);
// A report begins, the kernel's or the runtime's: what is written from here on is the text of a code, as much
// of it as goes into one. One that begins later replaces it. [any]
void console_report_begins(void);
// Shows the code where a console can, if a report has begun. The caller has the consoles for good
// (console_panic).
void console_show_code(void);
bool console_has_screen(void); // [any]
// Feeds the devices a little, from the timer's interrupt, and asks for the next time while there is more.
// [any]
void console_poll(void);
