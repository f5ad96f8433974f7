// plat_console.c -- the consoles of the hosted platform: standard output for the program, standard error for
// reports.
//
// Nothing is buffered here. plat_write_try must not wait, but O_NONBLOCK would change the file for every
// process that shares it; so it asks poll() first and then writes no more than a pipe or terminal that is
// ready takes at once.
#include "host.h"
#include "syscall.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#define READY_BYTES 4096u // PIPE_BUF: what a pipe that polls writable accepts without waiting
#define REPORT_WAIT 1000  // ms that one piece of a report may wait for a full console

static bool regular_file; // output to a file never waits

void host_console_init(void) {
    struct stat st;
    regular_file = fstat(1, &st) == 0 && S_ISREG(st.st_mode);
}

// 0: not writable within ms.
static bool writable(int fd, int ms) {
    struct pollfd pfd = {fd, POLLOUT, 0};
    long r;
    do
        r = linux_call3(SYS_poll, (long)&pfd, 1, ms);
    while (r == -EINTR);
    return r > 0;
}

size_t plat_write_try(const char *s, size_t n) {
    if (n == 0) return 0;
    if (!regular_file) {
        if (!writable(1, 0)) return 0;
        if (n > READY_BYTES) n = READY_BYTES;
    }
    long r;
    do
        r = linux_call3(SYS_write, 1, (long)s, (long)n);
    while (r == -EINTR);
    if (r == -EAGAIN) return 0;
    return r < 0 ? n : (size_t)r; // nobody can be told of a console that is gone
}

void plat_write(const char *s, size_t n) {
    while (n > 0) {
        long r = linux_call3(SYS_write, 2, (long)s, (long)n);
        if (r == -EINTR) continue;
        if (r == -EAGAIN && writable(2, REPORT_WAIT)) continue;
        if (r <= 0) return;
        s += r;
        n -= (size_t)r;
    }
}

void plat_report_begins(void) {}
size_t plat_console_drain(void) {
    return 0;
}

_Noreturn void plat_exit(int code) {
    for (;;)
        linux_call3(SYS_exit_group, code & 255, 0, 0);
}

_Noreturn void host_die(const char *what, const char *detail) {
    const char *parts[] = {"burrow: ", what, ": ", detail, "\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        plat_write(parts[i], strlen(parts[i]));
    plat_exit(2);
}

_Noreturn void host_die_errno(const char *what, int error) {
    host_die(what, strerror(error));
}
