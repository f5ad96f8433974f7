// libc.c -- the functions of C's library that libgo's packages call: those that mean something here. The others answer ENOSYS (libc_none.asm).
//
// scripts/go_link.py renames libgo's calls of NAME to go_lib_NAME. Package syscall calls them as functions of C and then asks for errno, which is the
// goroutine's own. Files are files.c's and dirs.c's.
#include "go.h"
#include "../api/str.h"
#include "../sched.h"
#include "random.h"

enum { EPERM = 1, EINVAL = 22, ENOSYS = 38 };

int *go_lib___errno_location(void);
int *go_lib___errno_location(void) { return &g_self()->go_errno; }
static long fail(int error) {
    g_self()->go_errno = error;
    return -1;
}
long go_lib_no_such_call(void); // libc_none.asm
long go_lib_no_such_call(void) { return fail(ENOSYS); }
// libgo's package syscall takes nil, not -1, for failure here.
void *go_lib_mmap64(void *addr, size_t n, int protection, int flags, int fd, long offset);
void *go_lib_mmap64(void *addr, size_t n, int protection, int flags, int fd, long offset) {
    fail(ENOSYS);
    return NULL;
}

static size_t text_copy(char *to, const char *from, size_t room) {
    size_t n = 0;
    for (; from[n] && n + 1 < room; n++)
        to[n] = from[n];
    to[n] = 0;
    return n;
}

// getrandom(2); no other system call is made by number.
long go_lib_syscall(long number, uintptr_t a, uintptr_t b, uintptr_t c);
long go_lib_syscall(long number, uintptr_t a, uintptr_t b, uintptr_t c) {
    if (number != 318 || b > INTPTR_MAX) return fail(ENOSYS);
    return go_random_fill((void *)a, b) ? (long)b : fail(ENOSYS);
}

// ---- process: one, with nobody above it
#define NUMBER(name, v)                                                                                                \
    long go_lib_##name(void);                                                                                          \
    long go_lib_##name(void) { return v; }
NUMBER(getpid, 1) NUMBER(getppid, 0) NUMBER(getuid, 0) NUMBER(geteuid, 0) NUMBER(getgid, 0) NUMBER(getegid, 0) NUMBER(getpgrp, 1)

_Noreturn void go_lib__exit(int code);
void go_lib__exit(int code) { program_exit(code); }
_Noreturn void go_lib_abort(void);
void go_lib_abort(void) { rt_throw("abort was called"); }
// Distributions that harden their library (Ubuntu) have its C ask for these instead.
void *go_lib___memcpy_chk(void *to, const void *from, size_t n, size_t room);
void *go_lib___memcpy_chk(void *to, const void *from, size_t n, size_t room) {
    if (n > room) rt_throw("memcpy was asked for more than its object holds");
    return memcpy(to, from, n);
}
_Noreturn void go_lib___stack_chk_fail(void);
void go_lib___stack_chk_fail(void) { rt_throw("a function of the library wrote beyond its variables"); }
// A signal to itself ends it, with the status that a shell shows then, but for those that mean nothing: SIGCHLD, SIGCONT, SIGURG, SIGWINCH.
long go_lib_kill(int pid, int sig);
long go_lib_kill(int pid, int sig) {
    if (pid != 1) return fail(EPERM);
    if (sig < 0 || sig > 64) return fail(EINVAL);
    if (sig && sig != 17 && sig != 18 && sig != 23 && sig != 28) program_exit(128 + sig);
    return 0;
}

long go_lib_sysconf(int name);
long go_lib_sysconf(int name) { return name == 30 ? (long)PAGE_SIZE : name == 83 || name == 84 ? cpu_count() : fail(EINVAL); }
long go_lib_uname(char (*field)[65]);
long go_lib_uname(char (*field)[65]) {
    static const char *const text[] = {"Burrow", "burrow", "1", "", "x86_64", ""};
    for (int i = 0; i < 6; i++)
        text_copy(field[i], text[i], 65);
    return 0;
}

// ---- time
typedef struct Clock { int64_t ns; } Clock;
static void wall(void *arg) { ((Clock *)arg)->ns = plat_wall_ns(); }
long go_lib_gettimeofday(int64_t *tv, void *zone);
long go_lib_gettimeofday(int64_t *tv, void *zone) {
    Clock c;
    sys_call(wall, &c);
    tv[0] = c.ns / 1000000000;
    tv[1] = c.ns % 1000000000 / 1000;
    return 0;
}

// ---- text
void *go_lib_memmem(const char *text, size_t n, const char *word, size_t k);
void *go_lib_memmem(const char *text, size_t n, const char *word, size_t k) {
    for (size_t i = 0; i + k <= n; i++) {
        const char *at = k ? memchr(text + i, word[0], n - k - i + 1) : text + i;
        if (!at) return NULL;
        i = (size_t)(at - text);
        if (memcmp(at, word, k) == 0) return (void *)at;
        if ((i & 0xffff) == 0) RT_DOOR();
    }
    return NULL;
}
void *go_lib_memchr(const void *s, int byte, size_t n);
void *go_lib_memchr(const void *s, int byte, size_t n) { return memchr(s, byte, n); }
size_t go_lib_strlen(const char *s);
size_t go_lib_strlen(const char *s) { return strlen(s); }

typedef struct Error { int code; const char *text; } Error;
static const Error errors[] = {
    {1, "operation not permitted"}, {2, "no such file or directory"}, {3, "no such process"}, {4, "interrupted system call"},
    {5, "input/output error"}, {9, "bad file descriptor"}, {11, "resource temporarily unavailable"}, {12, "cannot allocate memory"},
    {13, "permission denied"}, {16, "device or resource busy"}, {17, "file exists"}, {18, "invalid cross-device link"}, {20, "not a directory"}, {21, "is a directory"}, {22, "invalid argument"},
    {24, "too many open files"}, {27, "file too large"}, {28, "no space left on device"}, {29, "illegal seek"}, {30, "read-only file system"},
    {32, "broken pipe"}, {33, "numerical argument out of domain"}, {34, "numerical result out of range"}, {36, "file name too long"},
    {38, "function not implemented"}, {39, "directory not empty"}, {40, "too many levels of symbolic links"}, {95, "operation not supported"},
    {97, "address family not supported by protocol"}, {98, "address already in use"}, {101, "network is unreachable"}, {104, "connection reset by peer"},
    {110, "connection timed out"}, {111, "connection refused"},
};
char *go_lib_strerror_r(int code, char *buf, size_t room);
char *go_lib_strerror_r(int code, char *buf, size_t room) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == code) return text_copy(buf, errors[i].text, room), buf;
    text_copy(buf, "unknown error", room);
    return buf;
}
const char *go_lib_strsignal(int sig);
const char *go_lib_strsignal(int sig) {
    static const char *const text[] = {"", "hangup", "interrupt", "quit", "illegal instruction", "trace/breakpoint trap", "aborted", "bus error",
                                       "floating point exception", "killed", "user defined signal 1", "segmentation fault", "user defined signal 2",
                                       "broken pipe", "alarm clock", "terminated"};
    return sig > 0 && sig < 16 ? text[sig] : "unknown signal";
}
