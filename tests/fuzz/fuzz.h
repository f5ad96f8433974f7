// fuzz.h -- what the fuzzers share: a check that ends the run, a reader of the input, and mutation behind
// checksums.
//
// A fuzzer is one file, fuzz_NAME.c, built by scripts/build_unit with clang's libFuzzer, AddressSanitizer and
// UndefinedBehaviorSanitizer. It includes the source under test as the unit tests do. Beyond "no bad access"
// it checks what the parser promises about what it accepted. Seeds: tests/fuzz/corpus/NAME (make_corpus.py).
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#define MUST(cond)                                                                                           \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #cond);                       \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

// Numbers from the front of the input; zeros when it is used up.
typedef struct {
    const uint8_t *at;
    size_t left;
} Input;
static inline uint64_t take(Input *in, size_t bytes) {
    uint64_t v = 0;
    if (bytes > in->left) bytes = in->left;
    memcpy(&v, in->at, bytes);
    in->at += bytes, in->left -= bytes;
    return v;
}

// For formats with checksums: mutates, then mostly mends them, so that mutations reach what lies behind.
static inline size_t mutate_and_mend(uint8_t *data, size_t size, size_t max_size, unsigned seed,
                                     void (*mend)(uint8_t *data, size_t size)) {
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 16) mend(data, size);
    return size;
}
