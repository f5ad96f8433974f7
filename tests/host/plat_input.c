// plat_input.c -- standard input of the hosted platform: a thread that does nothing but wait for it.
//
// It runs no code of the runtime but input_put, which may be called from anywhere, and tells core 0 by the
// signal that stands for an interrupt (plat_signal.c). It starts when the program reads for the first time:
// input of a program that does not read stays where it is. It reads no more than the ring takes, so nothing
// is lost.
#include "host.h"
#include "syscall.h"
#include "rt/input.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>

enum { FULL_MS = 5 };

static void tell_core_0(void) {
    plat_ipi(0);
}

static void *read_standard_input(void *unused) {
    unsigned char buf[1024];
    for (;;) {
        size_t room = input_room();
        if (room == 0) {
            linux_call3(SYS_poll, 0, 0, FULL_MS);
            continue;
        }
        long n = linux_call3(SYS_read, 0, (long)buf, (long)(room < sizeof buf ? room : sizeof buf));
        if (n == -EINTR) continue;
        if (n == -EAGAIN) { // somebody else's O_NONBLOCK
            struct pollfd pfd = {0, POLLIN, 0};
            linux_call3(SYS_poll, (long)&pfd, 1, -1);
            continue;
        }
        for (long i = 0; i < n; i++)
            input_put(buf[i]);
        if (n <= 0) input_end();
        tell_core_0();
        if (n <= 0) return NULL;
    }
}

// On a core's system stack. The thread takes no signal: it is no core.
PlatInput plat_input_start(void) {
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&thread, NULL, read_standard_input, NULL);
    if (!error) pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) host_die_errno("standard input", error);
    return PLAT_INPUT_HOST;
}
