// t_crash.c -- fails inside the runtime in the way that its argument names; the report of the hosted platform
// is looked at.
//
// judged by: tests/test_host_platform.py
#include "metal.h"

static ON_SYSTEM_STACK __attribute__((noinline)) uint64_t overflow(uint64_t n) {
    volatile uint64_t room[64];
    room[n % 64] = n;
    return n > 1ull << 40 ? 0 : overflow(n + 1) + room[n % 64];
}
static ON_SYSTEM_STACK void overflow_here(void *unused) {
    overflow(0);
}
static ON_SYSTEM_STACK void bad_text_here(void *unused) {
    rt_printf("%s", (const char *)0x123456789000);
}
static ON_SYSTEM_STACK void throw_here(void *unused) {
    rt_throw("thrown on purpose");
}

static void spin(void *unused) {
    for (volatile int i = 0;; i++) {
    }
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    if (__builtin_strcmp(how, "overflow") == 0) sys_call(overflow_here, NULL);
    if (__builtin_strcmp(how, "runtime") == 0) sys_call(bad_text_here, NULL);
    if (__builtin_strcmp(how, "throw") == 0) sys_call(throw_here, NULL);
    if (__builtin_strcmp(how, "spin") == 0) {
        go(spin, NULL);
        print("spinning\n");
        spin(NULL);
    }
    if (__builtin_strcmp(how, "words") == 0)
        for (int i = 2; i < argc; i++)
            print("[%s]\n", argv[i]);
    if (__builtin_strcmp(how, "flood") == 0)
        for (int i = 0; i < 200000; i++)
            print("line %d of a long output\n", i);
    return 7;
}
