// cmdline.h -- the kernel's own knobs, read off the command line before the runtime sees it.
//   MAXCPUS=n       use at most n cores (1..256)
//   TESTDEADAP=id   never wake the core with this APIC id: as if it were broken
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef enum { KNOB_MAXCPUS, KNOB_TESTDEADAP, KNOB_COUNT } KernelKnob;

// True: the knob was given, *value is its value. Valid after cmdline_init. [any]
bool cmdline_knob(KernelKnob knob, uint64_t *value);
