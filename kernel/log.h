// log.h -- what only the kernel's ending needs to know of the console; the rest is in kernel.h.
#pragma once
#include <stdbool.h>

// Another core is writing the last report (console_panic). [any]
bool console_panic_elsewhere(void);
