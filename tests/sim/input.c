// input.c -- bytes come by interrupts of two cores while a goroutine reads them: each byte once, and no wake-up is lost, whether the byte
// comes before the reader looks, while it parks, or when it sleeps.
#include "case.h"
#include "rt/sched.h"
#include "rt/input.h"

enum { BYTES = 3 };

RUNTIME_TEXT static void type(void *byte) { input_push((uint8_t)(uintptr_t)byte); }

static uint8_t next(void) {
    for (;;) {
        int b = input_take();
        if (b >= 0) return (uint8_t)b;
        input_wait();
    }
}

static int seen[BYTES];

int main(void) {
    int last = cpu_count() - 1;
    sim_begin(0);
    sim_device(0, type, (void *)0);
    sim_device(last, type, (void *)1);
    seen[next()]++;
    seen[next()]++;
    sim_device(last, type, (void *)2); // a core has one device at a time
    seen[next()]++;
    for (int i = 0; i < BYTES; i++)
        CHECK(seen[i] == 1);
    CHECK(input_take() == -1 && input_lost() == 0);
    return 0;
}
