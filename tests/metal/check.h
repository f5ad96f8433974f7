// check.h -- CHECK(condition) for programs that use only the public interface: says where, once per place,
// and counts.
#pragma once
#include "rt/burrow.h"

static AtomicInt32 failures;

#define CHECK(c)                                                                                             \
    do {                                                                                                     \
        static AtomicBool said_;                                                                             \
        if (!(c)) {                                                                                          \
            atomic_int32_add(&failures, 1);                                                                  \
            if (!atomic_bool_swap(&said_, true))                                                             \
                println("%s:%d: does not hold: %s", __FILE__, __LINE__, #c);                                 \
        }                                                                                                    \
    } while (0)

// got lies in [lo, hi]; says all three when not.
#define CHECK_RANGE(got, lo, hi)                                                                             \
    do {                                                                                                     \
        int64_t got_ = (got), lo_ = (lo), hi_ = (hi);                                                        \
        if (got_ < lo_ || got_ > hi_) {                                                                      \
            atomic_int32_add(&failures, 1);                                                                  \
            println("%s:%d: %s is %ld, expected %ld to %ld", __FILE__, __LINE__, #got, (long)got_,           \
                    (long)lo_, (long)hi_);                                                                   \
        }                                                                                                    \
    } while (0)

// Text of the last panic that a function made by CATCHES ended with.
static char caught[120];
static inline void catch_text(void *unused) {
    static Mutex one; // several goroutines may panic at once
    const char *text = panic_text(recover());
    mutex_lock(&one);
    str_format(caught, sizeof caught, "%s", text);
    mutex_unlock(&one);
}
#define CATCHES(name, ...)                                                                                   \
    static void name(void *arg) {                                                                            \
        catch_panics();                                                                                      \
        defer(catch_text, NULL);                                                                             \
        __VA_ARGS__                                                                                          \
    }
static inline void expect_panic(void (*fn)(void *), const char *want) {
    caught[0] = 0;
    fn(NULL);
    if (strcmp(caught, want) == 0) return;
    atomic_int32_add(&failures, 1);
    println("expected panic \"%s\", got \"%s\"", want, caught);
}

// Lets two goroutines that run on different cores do something at the same moment, again and again: each
// calls together_wait before each round. They spin, so that they stay on their cores, and give way now and
// then in case there is only one.
typedef struct Together {
    AtomicInt32 arrived;
} Together;
static inline void together_wait(Together *t) {
    int32_t n = atomic_int32_add(&t->arrived, 1), round_end = (n + 1) / 2 * 2;
    for (int turns = 1; atomic_int32_load(&t->arrived) - round_end < 0; turns++) {
        __builtin_ia32_pause(); // an emulator that runs all cores on one thread goes on with the next one here
        if (turns % 5000 == 0) gosched();
    }
}

// Rounds of a long loop. Under a sanitizer fewer.
#ifdef SANITIZED
enum { SLOW = 1 }; // times say even less than usual
#define SOME_TIMES(n) ((n) / 10)
#else
enum { SLOW = 0 };
#define SOME_TIMES(n) (n)
#endif

// Last statement of main.
static inline int check_end(const char *name) {
    int n = atomic_int32_load(&failures);
    if (n)
        println("%s: %d failures", name, n);
    else
        println("%s ok", name);
    return n != 0;
}
