// t_hang.c -- hangs in the way that its argument names, for tests/test_dump.py and tests/test_gdb.py to look
// at from outside.
//
//   idle     a goroutine waits on a channel, one for a mutex, main sleeps most of the time: every core is
//   halted broken   the same, and the list of the stack segments of the first leads into nowhere stuck    the
//   same, and one core spins in the runtime with interrupts off, holding a lock; another in a program's loop
//   order    takes two runtime locks in the wrong order: builds with DEBUG=1 end there
//   deep     a goroutine 40 calls deep, its stack in several segments, parked; another is preempted in its
//   loop for ever
//
// Without an argument it ends at once. hosted: no (interrupts off)
// hosted: no
#include "metal.h"

static chan(int) gate;
static Mutex mutex;
static Lock lock = LOCK_INIT(RANK_SEMA);

static void wait_on_channel(void *unused) {
    (void)chan_recv(gate);
}
static void wait_for_mutex(void *unused) {
    mutex_lock(&mutex);
}
static void spin_in_program(void *unused) {
    for (;;)
        __asm__ volatile("");
}
static ON_SYSTEM_STACK void spin_with_interrupts_off(void *unused) {
    lock_acquire(&lock);
    __asm__ volatile("cli");
    for (;;)
        __asm__ volatile("pause");
}
static ON_SYSTEM_STACK void lock_in_wrong_order(void *unused) {
    static Lock second = LOCK_INIT(RANK_CHAN);
    lock_acquire(&lock);
    lock_acquire(&second);
    lock_release(&second);
    lock_release(&lock);
}
static void spin_in_runtime(void *unused) {
    sys_call(spin_with_interrupts_off, NULL);
}
static ON_SYSTEM_STACK void break_stack(G *g, void *unused) {
    if (g->wait_reason == WAIT_CHAN_RECV && load_relaxed(&g->state) == G_WAITING)
        g->seg = (StackSeg *)0x7f0000000000;
}
static ON_SYSTEM_STACK void break_stacks(void *unused) {
    g_for_each(break_stack, NULL);
}
static __attribute__((noinline, noclone)) int descend(int depth) {
    volatile char frame[200];
    frame[0] = (char)depth;
    if (depth == 0) (void)chan_recv(gate);
    return depth == 0 ? 0 : descend(depth - 1) + frame[0];
}
static void go_deep(void *unused) {
    if (descend(40)) println("nobody sent anything"); // not a tail call: go_deep stays on the stack
}

int main(int argc, char **argv) {
    if (argc < 2) return 0;
    gate = chan_make(int, 0);
    mutex_lock(&mutex);
    go(wait_on_channel, NULL);
    go(wait_for_mutex, NULL);
    time_sleep(20 * MILLISECOND);
    println("set up");
    if (argv[1][0] == 'o') sys_call(lock_in_wrong_order, NULL);
    if (argv[1][0] == 's') {
        go(spin_in_program, NULL);
        go(spin_in_runtime, NULL);
    }
    if (argv[1][0] == 'd') {
        go(go_deep, NULL);
        for (int i = 0; i < 3; i++)
            go(spin_in_program, NULL);
    }
    if (argv[1][0] == 'b') sys_call(break_stacks, NULL);
    for (int i = 0;; i++) {
        println("hangs, %d", i);
        time_sleep(500 * MILLISECOND);
    }
}
