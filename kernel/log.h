// log.h -- the console's share in interrupts and in the kernel's ending; the rest is in kernel.h.
#pragma once
#include <stdbool.h>

// Another core is writing the last report (console_panic). [any]
bool console_panic_elsewhere(void);
// Feeds the devices a little, from the timer's interrupt, and asks for the next time while there is more.
// [any]
void console_poll(void);
