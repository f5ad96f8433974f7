// t_x87.c -- a goroutine that was preempted with a full x87 stack leaves an empty one to the next.
//
// The call convention promises every function an empty x87 stack. A goroutine that yielded comes back without
// its context being reloaded, so whoever ran in between, and was taken off in the middle of anything, must
// not show.
#include "metal.h"

#define ENOUGH 30 // preemptions

static _Atomic bool stop, ended;

// Eight values on the x87 stack, and a loop without calls.
static void spin_full(void *unused) {
    while (!load_relaxed(&stop)) {
        uint64_t turns = 1000000;
        __asm__ volatile("fninit\n\t"
                         ".rept 8\n\tfld1\n\t.endr\n"
                         "1: dec %0\n\tjnz 1b\n\t"
                         "fninit"
                         : "+r"(turns)
                         :
                         : "cc", "memory");
    }
    store_seq(&ended, true);
}

static bool stack_is_empty(void) {
    struct {
        uint16_t control, r0, status, r1, tags, r2;
        uint32_t rest[4];
    } env;
    __asm__ volatile("fnstenv %0\n\tfldenv %0" : "=m"(env));
    return env.tags == 0xffff;
}

int main(void) {
    gomaxprocs(1);
    sched_set_slice(50000);
    go(spin_full, NULL);
    int dirty = 0;
    int64_t before = SUM_OVER_CORES(n_preempt_async), give_up = plat_now_ns() + 10 * SECOND;
    while (SUM_OVER_CORES(n_preempt_async) - before < ENOUGH && plat_now_ns() < give_up) {
        gosched();
        dirty += !stack_is_empty();
    }
    check_at_least("preemptions in application text", SUM_OVER_CORES(n_preempt_async) - before, ENOUGH);
    check_equal("returns with something on the x87 stack", dirty, 0);
    store_seq(&stop, true);
    check_true("the other ends", WAIT_UNTIL(load_seq(&ended), 10));
    return check_end("t_x87");
}
