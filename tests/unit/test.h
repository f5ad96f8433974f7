// test.h -- all that a hosted unit test needs: checks that say where, what was expected and what came, and a seed.
//
// A test is one program: main() runs its cases and returns test_done(), which prints "ok: N checks" or "FAILED: ..." and gives
// the exit status. A failed check does not end the program; after 20 it does. SEED=n in the environment replays a random run.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One of each for all files of a test, hence weak.
#define TEST_SHARED __attribute__((weak))
TEST_SHARED unsigned long test_checks, test_failures;
TEST_SHARED const char *test_case_name = "";

static inline void test_failed(const char *file, int line) {
    test_failures++;
    fprintf(stderr, "%s:%d: %s%s", file, line, test_case_name, *test_case_name ? ": " : "");
}
static inline void test_fail_end(void) {
    fputc('\n', stderr);
    if (test_failures >= 20) {
        fprintf(stderr, "FAILED: too many failures, giving up\n");
        exit(1);
    }
}

// Runs one case, a void function without arguments; its name precedes every failure in it.
#define RUN(fn) (test_case_name = #fn, fn(), (void)0)

#define CHECK(cond)                                                                                          \
    do {                                                                                                     \
        test_checks++;                                                                                       \
        if (!(cond)) {                                                                                       \
            test_failed(__FILE__, __LINE__);                                                                 \
            fprintf(stderr, "expected %s", #cond);                                                           \
            test_fail_end();                                                                                 \
        }                                                                                                    \
    } while (0)

// Integers of any type, compared and printed as signed 64 bits.
#define CHECK_EQ(got, want)                                                                                  \
    do {                                                                                                     \
        long long got_ = (long long)(got), want_ = (long long)(want);                                        \
        test_checks++;                                                                                       \
        if (got_ != want_) {                                                                                 \
            test_failed(__FILE__, __LINE__);                                                                 \
            fprintf(stderr, "%s: expected %s = %lld (%#llx), got %lld (%#llx)", #got, #want, want_, want_, got_, \
                    got_);                                                                                   \
            test_fail_end();                                                                                 \
        }                                                                                                    \
    } while (0)

#define CHECK_PTR(got, want)                                                                                 \
    do {                                                                                                     \
        const void *got_ = (got), *want_ = (want);                                                           \
        test_checks++;                                                                                       \
        if (got_ != want_) {                                                                                 \
            test_failed(__FILE__, __LINE__);                                                                 \
            fprintf(stderr, "%s: expected %s = %p, got %p", #got, #want, want_, got_);                       \
            test_fail_end();                                                                                 \
        }                                                                                                    \
    } while (0)

#define CHECK_STR(got, want)                                                                                 \
    do {                                                                                                     \
        const char *got_ = (got), *want_ = (want);                                                           \
        test_checks++;                                                                                       \
        if (!got_ || strcmp(got_, want_) != 0) {                                                             \
            test_failed(__FILE__, __LINE__);                                                                 \
            fprintf(stderr, "%s: expected \"%s\", got \"%s\"", #got, want_, got_ ? got_ : "(null)");         \
            test_fail_end();                                                                                 \
        }                                                                                                    \
    } while (0)

// n bytes at got and want are equal; shows the first difference.
#define CHECK_MEM(got, want, n)                                                                              \
    do {                                                                                                     \
        const unsigned char *got_ = (const void *)(got), *want_ = (const void *)(want);                      \
        size_t n_ = (n), i_ = 0;                                                                             \
        test_checks++;                                                                                       \
        while (i_ < n_ && got_[i_] == want_[i_]) i_++;                                                       \
        if (i_ < n_) {                                                                                       \
            test_failed(__FILE__, __LINE__);                                                                 \
            fprintf(stderr, "%s: byte %zu of %zu: expected %#x, got %#x", #got, i_, n_, want_[i_], got_[i_]); \
            test_fail_end();                                                                                 \
        }                                                                                                    \
    } while (0)

// ---- random numbers (xorshift64*): the same run for the same SEED
TEST_SHARED uint64_t test_rand_state;
static inline uint64_t test_rand(void) {
    if (!test_rand_state) {
        const char *s = getenv("SEED");
        test_rand_state = s ? strtoull(s, NULL, 0) : 1;
        if (!test_rand_state) test_rand_state = 1;
        test_rand_state *= 0x9e3779b97f4a7c15ull;
    }
    test_rand_state ^= test_rand_state >> 12;
    test_rand_state ^= test_rand_state << 25;
    test_rand_state ^= test_rand_state >> 27;
    return test_rand_state * 0x2545f4914f6cdd1dull;
}
// Uniform in [0, n); n > 0.
static inline uint64_t test_below(uint64_t n) { return (uint64_t)(((unsigned __int128)test_rand() * n) >> 64); }

// The test's last act: return test_done();
static inline int test_done(void) {
    const char *seed = getenv("SEED");
    if (test_failures) {
        fprintf(stderr, "FAILED: %lu of %lu checks (SEED=%s)\n", test_failures, test_checks, seed ? seed : "1");
        return 1;
    }
    printf("ok: %lu checks\n", test_checks);
    return 0;
}
