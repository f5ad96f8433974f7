// syscall.h -- Linux system calls without libc.
//
// Two reasons not to go through libc: functions that rt calls on a goroutine's stack have 128 bytes, and a
// program may define `read` or `write` itself, which would take libc's place in the whole process. Context:
// any. errno is not touched; the result is the kernel's: negative error numbers.
#pragma once
#include <sys/syscall.h>

static inline long linux_call6(long nr, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
static inline long linux_call4(long nr, long a, long b, long c, long d) {
    return linux_call6(nr, a, b, c, d, 0, 0);
}
static inline long linux_call3(long nr, long a, long b, long c) {
    return linux_call6(nr, a, b, c, 0, 0, 0);
}
