// sha256.h -- SHA-256 (FIPS 180-4), a piece at a time.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct Sha256 {
    uint32_t state[8];
    uint64_t bytes;    // hashed so far
    uint8_t block[64]; // the last bytes % 64 of them, not yet mixed in
} Sha256;

void sha256_init(Sha256 *s);
void sha256_update(Sha256 *s, const void *data, size_t n);
void sha256_final(Sha256 *s, uint8_t sum[32]);
