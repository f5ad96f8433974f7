// plat_san.c -- cores, sleeping, waking and timers of the sanitizer builds. See san.h.
//
// No wake-up is lost: plat_wake as in tests/host/plat_cpu.c. plat_ipi sets the flag, then reads `idling`; plat_idle sets `idling`,
// then reads the flag (both seq_cst): either the sleeper sees the flag or the sender sees the sleeper, sets a bit in its p->wake, which
// the kernel compares with 0, and wakes it.
#include "san.h"
#include "tests/host/syscall.h"
#include <asm/prctl.h>
#include <linux/futex.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

HostCore host_cores[PLAT_MAX_CPUS];
int host_cpu_count = 1;

static struct Pending {
    _Atomic uint32_t ipi, idling;
    int64_t deadline; // own core only
    bool serving;
} pending[PLAT_MAX_CPUS];

static _Atomic uint32_t parked;

static void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t ns) {
    struct timespec ts = {ns / 1000000000, ns % 1000000000};
    linux_call4(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, value, ns == TIME_NEVER ? 0 : (long)&ts);
}
static void futex_wake(_Atomic uint32_t *word) { linux_call3(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, INT_MAX); }

// ---- interrupts
void san_poll(void) {
    P *p = p_self();
    struct Pending *c = &pending[p->id];
    if (c->serving) return;
    c->serving = true;
    TrapFrame tf = {0}; // not application text: only bits are set
    if (load_relaxed(&c->ipi) && exchange(&c->ipi, 0)) rt_irq_ipi(&tf);
    if (c->deadline != TIME_NEVER && c->deadline <= plat_now_ns()) {
        c->deadline = TIME_NEVER;
        rt_irq_tick(&tf);
    }
    c->serving = false;
}

void plat_ipi(int cpu) {
    store_seq(&pending[cpu].ipi, 1);
    if (!load_seq(&pending[cpu].idling)) return;
    fetch_or(&rt_ps[cpu]->wake, 1u); // as its own handler would
    futex_wake(&rt_ps[cpu]->wake);
}

void plat_wake(int cpu) { futex_wake(&rt_ps[cpu]->wake); }

void plat_idle(P *p) {
    struct Pending *c = &pending[p->id];
    san_poll();
    store_seq(&c->idling, 1);
    if (!load_seq(&c->ipi) && load_acquire(&p->wake) == 0) {
        int64_t wait = TIME_NEVER;
        if (c->deadline != TIME_NEVER) {
            wait = c->deadline - plat_now_ns();
            if (wait < 1) wait = 1;
        }
        futex_wait(&p->wake, 0, wait);
    }
    store_relaxed(&c->idling, 0);
    san_poll();
}

void plat_spin(unsigned turns) {
    __builtin_ia32_pause();
    if (turns % 16 != 15) return;
    san_poll();
    linux_call3(SYS_sched_yield, 0, 0, 0);
}

// ---- time
void host_time_init(void) { plat_now_ns(); }
static int64_t read_ns(clockid_t clock) {
    struct timespec ts;
    linux_call3(SYS_clock_gettime, clock, (long)&ts, 0);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}
int64_t plat_now_ns(void) { return read_ns(CLOCK_MONOTONIC); }
int64_t plat_wall_ns(void) { return read_ns(CLOCK_REALTIME); }
void plat_timer_arm(int64_t deadline) { pending[p_self()->id].deadline = deadline; }

// ---- start
void host_signals_init(void) {}
void host_fpu_init(void) {}
void plat_fpu_capture(void *area) { rt_throw("sanitizer builds preempt nobody asynchronously"); }

void host_cores_init(void) {
    const char *text = getenv("BURROW_CPUS");
    host_cpu_count = text ? atoi(text) : 4;
    if (host_cpu_count < 1 || host_cpu_count > PLAT_MAX_CPUS) host_die("BURROW_CPUS is not a number from 1 to 256", text);
    for (int cpu = 0; cpu < host_cpu_count; cpu++) {
        host_cores[cpu].cpu = cpu;
        host_cores[cpu].system = host_stack_new(1u << 20);
        pending[cpu].deadline = TIME_NEVER;
    }
}

void host_core_attach(HostCore *h, P *p) {
    linux_call3(SYS_arch_prctl, ARCH_SET_GS, (long)p, 0);
    rt_p_set_stack(p, h->system.lo, h->system.hi, h);
}

static void core_begin(int cpu) {
    san_core_entered();
    host_cores[cpu].fn(cpu);
}
void host_core_enter(HostCore *h, void (*fn)(int cpu)) {
    h->fn = fn;
    san_core_enter(plat_self(), core_begin);
}

static void *core_thread(void *arg) {
    HostCore *h = arg;
    host_core_attach(h, rt_ps[h->cpu]);
    fetch_add(&parked, 1);
    while (load_acquire(&h->started) == 0)
        futex_wait(&h->started, 0, TIME_NEVER);
    host_core_enter(h, h->fn);
}

void host_cores_create(void) {
    for (int cpu = 1; cpu < host_cpu_count; cpu++) {
        pthread_t thread;
        if (!rt_p_new(cpu)) host_die("no memory for all cores", "lower BURROW_CPUS");
        int error = pthread_create(&thread, NULL, core_thread, &host_cores[cpu]);
        if (error) host_die_errno("cannot create a thread", error);
        pthread_detach(thread);
    }
    while (load_acquire(&parked) + 1 < (uint32_t)host_cpu_count)
        usleep(100);
}

int plat_cpu_count(void) { return host_cpu_count; }
void plat_cpu_start(int cpu, void (*fn)(int cpu)) {
    HostCore *h = &host_cores[cpu];
    h->fn = fn;
    store_release(&h->started, 1); // pairs with core_thread
    futex_wake(&h->started);
}
