// t_storm.c -- t_machine's work while every core is flooded with interrupts: expected ones without a reason,
// unexpected ones, spurious ones.
//
//     t_storm [t_machine's arguments]
//
// One goroutine sends bursts of interrupts to random cores, its own included, by the local APIC: the timer's
// vector, the scheduler's, the shootdown's, vectors that nobody has registered (a device that was forgotten),
// the spurious vector. The work must come through unharmed, and every kind must have arrived.
//
// hosted: no (needs an APIC)
// args: 20 8 500
// smp: 1 4
// contains: machine ok
#define main machine_main
#include "t_machine.c"
#undef main
#include "kernel/kernel.h"

enum { BURST = 64, VEC_NOBODYS = 0xe7 };
#define ON_SYSTEM_STACK __attribute__((no_split_stack))
void sys_call(void (*fn)(void *), void *arg);

static uint64_t sent, random_state = 88172645463325252ull;

static ON_SYSTEM_STACK uint64_t next_random(void) {
    random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
    return random_state;
}

static ON_SYSTEM_STACK void send_burst(void *unused) {
    static const int vectors[] = {VEC_TIMER, VEC_IPI, VEC_TLB, VEC_NOBODYS, VEC_SPURIOUS};
    for (int i = 0; i < BURST; i++) {
        uint64_t r = next_random() >> 8;
        apic_ipi(cpus[r % (uint64_t)cpus_up]->apic_id,
                 vectors[(r >> 16) % (sizeof vectors / sizeof *vectors)]);
        sent++;
    }
}

static void storm(void *unused) {
    while (!atomic_bool_load(&over)) {
        sys_call(send_burst, NULL);
        gosched();
    }
}

static int64_t arrived(size_t counter) {
    int64_t n = 0;
    for (int i = 0; i < cpus_up; i++)
        n += (int64_t) * (uint64_t *)((char *)cpus[i] + counter);
    return n;
}

int main(int argc, char **argv) {
    go(storm, NULL);
    int status = machine_main(argc, argv);
    CHECK_RANGE((int64_t)sent, 1000, INT64_MAX);
    CHECK_RANGE(arrived(offsetof(Cpu, irq_timer)), 10, INT64_MAX);
    CHECK_RANGE(arrived(offsetof(Cpu, irq_ipi)), 10, INT64_MAX);
    CHECK_RANGE(arrived(offsetof(Cpu, irq_tlb)), 10, INT64_MAX);
    CHECK_RANGE(arrived(offsetof(Cpu, irq_device)), 10, INT64_MAX);
    CHECK_RANGE(arrived(offsetof(Cpu, irq_spurious)), 10, INT64_MAX);
    println("%ld interrupts sent", (long)sent);
    return status | (atomic_int32_load(&failures) != 0);
}
