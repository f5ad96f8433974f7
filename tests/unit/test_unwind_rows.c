// units: rt/go/unwind_rows.c
// test_unwind_rows.c -- cores add rows and look for them at the same time: whoever finds one finds all of it, and it is the address's own.
//
// Both threads come to each address at once, keep a row for it if they do not find one, as unwind.c does, and look again. What a row must say follows from the
// address. (Run under the thread sanitizer, too.) And whoever adds a row is interrupted after each of its instructions by one that adds a row for the same address.
#include "test.h"
#include "../../rt/go/unwind.h"
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

enum { THREADS = 2, ADDRESSES = 200, MANY = 20000 };

static _Atomic unsigned long come; // at the present address
static _Thread_local unsigned long wrong, found; // of this thread: a shared count would order what the threads do

static uintptr_t address(uintptr_t i) { return 0x200000 + i * 37; }

static UnwindRow row_for(uintptr_t pc) {
    UnwindRow r = {.start = pc & ~(uintptr_t)63, .pad = pc + 5, .cfa_offset = (int32_t)pc, .lowest = -(int32_t)(pc % 512), .how = HOW_ROW};
    for (int i = 0; i < UNW_SAVED; i++)
        r.offset[i] = (int32_t)pc - 8 * i;
    r.saved = (uint8_t)(pc % 64);
    return r;
}

static void look(uintptr_t pc) {
    UnwindRow want = row_for(pc);
    const UnwindRow *r = unwind_row(pc);
    if (!r) return unwind_row_keep(pc, &want);
    found++;
    bool same = r->start == want.start && r->pad == want.pad && r->cfa_offset == want.cfa_offset && r->lowest == want.lowest && r->saved == want.saved;
    for (int i = 0; i < UNW_SAVED; i++)
        same &= r->offset[i] == want.offset[i];
    wrong += !same;
}

static void *core(void *arg) {
    for (uintptr_t i = 0; i < ADDRESSES; i++) {
        fetch_add(&come, 1);
        for (unsigned spins = 1; load_acquire(&come) < THREADS * (i + 1); spins++)
            if (spins % 65536 == 0) usleep(1);
        look(address(i));
        look(address(i));
    }
    *(unsigned long *)arg = wrong;
    return NULL;
}

#ifndef __SANITIZE_THREAD__ // which delivers signals later, not between two instructions
// ---- interrupted after each instruction

static uintptr_t interrupted; // where the interrupt comes for
static int steps, interrupt_at;
static const UnwindRow *seen; // by the interrupt
static UnwindRow seen_as;

static void on_step(int signal) {
    (void)signal;
    if (++steps != interrupt_at) return;
    UnwindRow other = {.start = 1, .pad = 2, .cfa_offset = 3, .lowest = -4};
    unwind_row_keep(interrupted, &other);
    seen = unwind_row(interrupted);
    if (seen) seen_as = *seen;
}

static void stepped_keep(uintptr_t pc, const UnwindRow *row) {
    __asm__ volatile("sub $128, %%rsp; pushfq; orl $0x100, (%%rsp); popfq; add $128, %%rsp" : : : "memory", "cc");
    unwind_row_keep(pc, row);
    __asm__ volatile("sub $128, %%rsp; pushfq; andl $~0x100, (%%rsp); popfq; add $128, %%rsp" : : : "memory", "cc");
}

// A row that somebody has seen never changes.
static void test_interrupted(void) {
    struct sigaction sa = {.sa_handler = on_step}, old;
    sigaction(SIGTRAP, &sa, &old);
    int seen_times = 0;
    do {
        steps = 0;
        interrupt_at++;
        interrupted = 0x100000 + 4096 * (uintptr_t)interrupt_at;
        UnwindRow row = row_for(interrupted);
        seen = NULL;
        stepped_keep(interrupted, &row);
        if (!seen) continue;
        seen_times++;
        CHECK_EQ(memcmp(seen, &seen_as, sizeof seen_as), 0);
    } while (steps >= interrupt_at);
    CHECK(interrupt_at > 20 && seen_times > 10);
    sigaction(SIGTRAP, &old, NULL);
}
#else
static void test_interrupted(void) {}
#endif

int main(void) {
    RUN(test_interrupted);
    pthread_t thread[THREADS];
    unsigned long bad[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, core, &bad[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        CHECK_EQ(bad[i], 0);
    }

    // Most of what fits is kept: an address whose home is taken has other places. (Cores that come to an address at once may each keep a row, which fills places.)
    for (uintptr_t i = 0; i < ADDRESSES; i++)
        look(address(i));
    CHECK(found >= ADDRESSES * 80ul / 100);

    // More addresses than places: what is kept stays, the others are not found, and nothing is confused.
    const UnwindRow *first = unwind_row(address(0));
    for (uintptr_t i = 0; i < MANY; i++)
        look(address(i));
    CHECK_EQ(wrong, 0);
    CHECK(unwind_row(address(0)) == first);
    CHECK(unwind_row(0x100) == NULL);
    return test_done();
}
