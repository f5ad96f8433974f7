// random.h -- random bytes fit for keys (crypto/rand).
#pragma once
#include <stdbool.h>
#include <stddef.h>

// Fills buf. False: this machine has no source of randomness (random.c). Goroutine's or system stack; locks of lower rank than RANK_RECORD may be held.
bool go_random_fill(void *buf, size_t n);
