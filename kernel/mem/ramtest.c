// ramtest.c -- is there memory where firmware's map says so?
//
// A map that promises too much would end in a crash far away from its cause, when the page allocator reads
// back what it never wrote. So the ends of every 64 MiB are written and read, past the caches; where one
// fails the border is searched, page by page. Two words of different lines are written before either is read:
// a bus without memory may hold the last value for a while. What was there is put back.
#include "kernel/mem/ramtest.h"
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"

// A virtual machine's host makes a large page for every place that is touched, and knows what it says: there
// it is every GiB.
enum { STEP = 64 << 20, STEP_VIRTUAL = 1 << 30, LINE_WORDS = 8 };

static void write_through(volatile uint64_t *p, uint64_t v) {
    *p = v;
    cpu_clflush((const void *)p);
}

static bool page_exists(uint64_t phys) {
    volatile uint64_t *a = phys_to_virt(phys), *b = a + LINE_WORDS;
    const uint64_t old_a = *a, old_b = *b;
    write_through(a, ~old_a);
    write_through(b, old_a ^ 0x5555555555555555);
    bool exists = *a == ~old_a && *b == (old_a ^ 0x5555555555555555);
    write_through(a, old_a);
    write_through(b, old_b);
    return exists;
}

// The last page of [lo, hi) does not exist, the first one does.
static uint64_t border(uint64_t lo, uint64_t hi) {
    while (hi - lo > 2 * PAGE_SIZE) {
        uint64_t middle = lo + (hi - lo) / PAGE_SIZE / 2 * PAGE_SIZE;
        if (page_exists(middle))
            lo = middle;
        else
            hi = middle + PAGE_SIZE;
    }
    return hi - PAGE_SIZE;
}

uint64_t ram_end(uint64_t lo, uint64_t hi) {
    const uint64_t step = cpu_features.hypervisor ? STEP_VIRTUAL : STEP;
    for (uint64_t end; lo < hi; lo = end) {
        end = (lo | (step - 1)) + 1;
        if (end > hi) end = hi;
        if (!page_exists(lo)) return lo;
        if (!page_exists(end - PAGE_SIZE)) return border(lo, end);
    }
    return hi;
}
