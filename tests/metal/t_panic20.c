// t_panic20.c -- a recovered panic leaves the stack as if nothing had been below.
//
// A goroutine recurses until it is 20 segments deep and panics; the first frame recovers. Segment, guard and
// byte count must be those of the first frame again: if the guard stayed that of a deep segment, the next
// recursion would overrun the first one. So it recurses again, with a pattern in every frame.
//
// smp: 2
#include "metal.h"

static int segments(void) {
    int n = 0;
    for (StackSeg *s = g_self()->seg; s; s = s->older)
        n++;
    return n;
}

static __attribute__((noinline)) uint64_t dig(int until_segments, uint64_t depth) {
    volatile uint64_t room[12];
    for (int i = 0; i < 12; i++)
        room[i] = depth * 7 + (uint64_t)i;
    uint64_t below = segments() >= until_segments ? depth : dig(until_segments, depth + 1);
    if (until_segments == 20 && below == depth) panic("twenty segments deep");
    for (int i = 0; i < 12; i++)
        CHECK_QUIETLY(room[i] == depth * 7 + (uint64_t)i);
    return below;
}

static int recovered;
static void recover_it(void *unused) {
    Any v = recover();
    if (v.type == NULL) return;
    recovered++;
    CHECK_QUIETLY(__builtin_strcmp(panic_text(v), "twenty segments deep") == 0);
}

static __attribute__((noinline)) uint64_t protected_dig(void) {
    catch_panics(1);
    defer(recover_it, NULL);
    return dig(20, 0);
}

static _Atomic int done;
static void run(void *arg) {
    int rounds = *(int *)arg;
    int recovered_before = recovered;
    uint64_t plain_depth = dig(6, 0); // as deep as nothing has happened
    for (int i = 0; i < rounds; i++) {
        int before = segments();
        size_t bytes = g_self()->stack_bytes;
        CHECK_QUIETLY(protected_dig() == 1);
        CHECK_QUIETLY(segments() == before);
        CHECK_QUIETLY(g_self()->stack_bytes == bytes);
        CHECK_QUIETLY(g_self()->guard == g_self()->seg->base + STACK_SLACK);
        CHECK_QUIETLY(dig(6, 0) == plain_depth);
    }
    check_equal("panics recovered", recovered - recovered_before, rounds);
    check_equal("segments in use at the end", segments(), 1);
    store_release(&done, 1);
}

int main(int argc, char **argv) {
    static int rounds;
    rounds = (int)arg_number(argc, argv, 1, 60);
    go(run, &rounds);
    check_true("the goroutine ends", WAIT_UNTIL(load_acquire(&done), 60));
    return check_end("t_panic20");
}
