// plat_cpu.c -- cores of the hosted platform: threads, sleeping, waking, interrupting each other.
//
// All threads are made before rt starts and wait for plat_cpu_start, as application processors do. A core
// leaves the stack that pthread_create gave it for its system stack at once and never returns, so rt may use
// that stack from the top.
//
// No wake-up is lost in plat_idle:
//   plat_wake   the waker sets a bit of p->wake, then FUTEX_WAKE. The kernel compares p->wake with 0 and
//   queues the sleeper under one
//               lock, which FUTEX_WAKE takes too: either the comparison sees the store, or the sleeper is
//               queued and is woken.
//   interrupts  a handler that runs before `idling = true` has set its bit in p->request, which is read after
//   it. One that runs
//               later sees `idling` and sets a bit of p->wake (plat_signal.c), so the comparison fails; one
//               that arrives during the sleep ends it with EINTR. Handler and sleeper are one thread: program
//               order suffices.
#include "host.h"
#include "syscall.h"
#include <asm/prctl.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

HostCore host_cores[PLAT_MAX_CPUS];
int host_cpu_count = 1;
static pid_t process;
static _Atomic uint32_t parked; // threads that have reached their parking loop

static void futex_wait(_Atomic uint32_t *word, uint32_t value) {
    linux_call4(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, value, 0);
}
static void futex_wake(_Atomic uint32_t *word) {
    linux_call3(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, INT_MAX);
}

// ---- start
void host_cores_init(void) {
    process = getpid();
    const char *text = getenv("BURROW_CPUS");
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    if (text) {
        char *end;
        n = strtol(text, &end, 10);
        if (*end || end == text || n < 1 || n > PLAT_MAX_CPUS)
            host_die("BURROW_CPUS is not a number from 1 to 256", text);
    }
    host_cpu_count = n < 1 ? 1 : n > PLAT_MAX_CPUS ? PLAT_MAX_CPUS : (int)n;
    for (int cpu = 0; cpu < host_cpu_count; cpu++) {
        host_cores[cpu].cpu = cpu;
        host_cores[cpu].system = host_stack_new(SYSTEM_STACK_BYTES);
        host_cores[cpu].signal = host_stack_new(SIGNAL_STACK_BYTES);
    }
}

void host_core_attach(HostCore *h, P *p) {
    h->tid = (pid_t)linux_call3(SYS_gettid, 0, 0, 0);
    long r = linux_call3(SYS_arch_prctl, ARCH_SET_GS, (long)p, 0);
    if (r < 0) host_die_errno("cannot set %gs", (int)-r);
    stack_t stack = {.ss_sp = (void *)h->signal.lo, .ss_size = h->signal.hi - h->signal.lo};
    if (sigaltstack(&stack, NULL) < 0) host_die_errno("sigaltstack", errno);
    host_timer_create(h);
    rt_p_set_stack(p, h->system.lo, h->system.hi, h);
}

void host_core_enter(HostCore *h, void (*fn)(int cpu)) {
    host_signals_unblock();
    __asm__ volatile("movq %0, %%rsp\n\t"
                     "xorl %%ebp, %%ebp\n\t" // ends frame-pointer chains
                     "movl %1, %%edi\n\t"
                     "call *%2\n\t"
                     "ud2"
                     :
                     : "r"(h->system.hi), "r"(h->cpu), "r"(fn)
                     : "memory", "rdi");
    __builtin_unreachable();
}

typedef struct Birth {
    HostCore *core;
    P *p;
} Birth;

static void *core_thread(void *arg) {
    Birth *birth = arg;
    HostCore *h = birth->core;
    host_core_attach(h, birth->p);
    fetch_add(&parked, 1); // after this the creator may reuse *birth
    futex_wake(&parked);
    while (load_acquire(&h->started) == 0)
        futex_wait(&h->started, 0);
    host_core_enter(h, h->fn);
}

void host_cores_create(void) {
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64u << 10);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (int cpu = 1; cpu < host_cpu_count; cpu++) {
        Birth birth = {&host_cores[cpu], rt_p_new(cpu)};
        if (birth.p == NULL) host_die("no memory for all cores", "lower BURROW_CPUS or raise BURROW_MEM");
        pthread_t thread;
        int error = pthread_create(&thread, &attr, core_thread, &birth);
        if (error) host_die_errno("cannot create a thread", error);
        while (load_acquire(&parked) != (uint32_t)cpu)
            futex_wait(&parked, (uint32_t)cpu - 1);
    }
    pthread_attr_destroy(&attr);
}

// ---- plat.h
int plat_cpu_count(void) {
    return host_cpu_count;
}

void plat_cpu_start(int cpu, void (*fn)(int cpu)) {
    HostCore *h = &host_cores[cpu];
    h->fn = fn;
    store_release(&h->started, 1); // pairs with the parking loop
    futex_wake(&h->started);
}

void plat_idle(P *p) {
    HostCore *h = p->cpu;
    h->idling = true;
    barrier_local(); // against our own handlers
    if (load_acquire(&p->wake) == 0 && load_relaxed(&p->request) == 0) futex_wait(&p->wake, 0);
    h->idling = false;
}

void plat_wake(int cpu) {
    futex_wake(&rt_ps[cpu]->wake);
}

void plat_ipi(int cpu) {
    linux_call3(SYS_tgkill, process, host_cores[cpu].tid, SIGNAL_IPI);
}

void plat_spin(unsigned turns) {
    __builtin_ia32_pause();
    if (turns % 100 == 99) linux_call3(SYS_sched_yield, 0, 0, 0); // the holder we wait for may not be running
}
