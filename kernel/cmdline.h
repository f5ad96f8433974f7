// cmdline.h -- the kernel's own knobs, read off the command line before the runtime sees it.
// clang-format off
//   HOLD=seconds    stay on for so long after the end (default: 300 on a machine with a screen, if the end was bad)
//   MAXCPUS=n       use at most n cores (1..256)
//   TESTDEADAP=id   never wake the core with this APIC id: as if it were broken
//   TESTTSC=1       take the TSC as not invariant
//   TESTTSC=2       each other core looks as if its TSC were ten seconds ahead for good
//   TESTMTRR=1      each other core comes with memory types of its own, as careless firmware leaves them
//   TESTXSAVE=1     save vector state by XSAVE where XSAVEC exists, too
// clang-format on
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    KNOB_HOLD,
    KNOB_MAXCPUS,
    KNOB_TESTDEADAP,
    KNOB_TESTTSC,
    KNOB_TESTMTRR,
    KNOB_TESTXSAVE,
    KNOB_COUNT
} KernelKnob;
enum { TESTTSC_NOT_INVARIANT = 1, TESTTSC_SKEWED = 2 };

// True: the knob was given, *value is its value. Valid after cmdline_init. [any]
bool cmdline_knob(KernelKnob knob, uint64_t *value);
