// ramtest.h -- is there memory where firmware's map says so?
#pragma once
#include <stdint.h>

// The address from which on [lo, hi) is no memory, hi if all of it seems to be. Both whole pages, mapped and
// used by nobody: pages at the ends of each 64 MiB, in a virtual machine of each GiB, are written and put back.
// [boot]
uint64_t ram_end(uint64_t lo, uint64_t hi);
