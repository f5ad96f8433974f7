// clock.h -- the clock's share in interrupts; the rest is in kernel.h.
#pragma once
#include <stdbool.h>

// At VEC_TIMER, after the EOI. False: the timer came back before the armed deadline (it counts only so far) and is armed again.
// Interrupts off. [any]
bool clock_irq(void);
