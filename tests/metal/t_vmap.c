// t_vmap.c -- mappings of scattered frames on several cores: no core sees what an address meant before.
//
// First one goroutine maps a page, writes a number, lets a reader pinned to each core read it (which fills
// that core's TLB), unmaps it and begins again: the address comes back with another frame, and every reader
// must find the new number. A missing flush shows as an old one. Then many goroutines map, write, check and
// unmap ranges of all sizes at once, wandering between cores, each frame marked with its owner: a frame that
// was recycled too early carries two marks. At the end the memory has come back.
// Not hosted: a process has no frames.
//
// smp: 1 4
// hosted: no
// timeout: 60
// expect-re: ok   rounds with the same address: [0-9]+, expected at least [0-9]+
// expect: ok   stale reads: 0, expected 0
// expect-re: ok   ranges mapped: [0-9]+, expected [0-9]+
// expect: ok   frames or mappings damaged: 0, expected 0
// expect-re: ok   pages kept for tables and records: [0-9]+, expected at most [0-9]+
// expect: t_vmap: passed
#include "metal.h"

enum { ROUNDS = 100, CHURNERS = 8, CHURNS = 60, MAX_PAGES = 600 };

// ---- one page, many readers

static _Atomic(uint64_t *) shared;
static _Atomic uint32_t round_no, readers_done, readers_left;
static _Atomic int64_t stale;

typedef struct Range {
    void **frames;
    size_t n;
    uint64_t *at; // NULL: no memory
} Range;

static ON_SYSTEM_STACK void map_here(void *arg) {
    Range *r = arg;
    size_t have = 0;
    while (have < r->n && (r->frames[have] = page_alloc(1)))
        have++;
    r->at = have == r->n ? plat_vmap(r->frames, r->n) : NULL;
    for (size_t i = 0; !r->at && i < have; i++)
        page_free(r->frames[i], 1);
}
static ON_SYSTEM_STACK void unmap_here(void *arg) {
    Range *r = arg;
    plat_vunmap(r->at, r->n);
}
static ON_SYSTEM_STACK void reclaim_here(void *unused) {
    plat_reclaim();
}

static int64_t pages_free(void) {
    return (int64_t)(pages_now().free / PAGE_SIZE);
}
static int64_t pages_lost(int64_t free_before) {
    sys_call(reclaim_here, NULL);
    return free_before - pages_free();
}

static void reader(void *core) {
    goroutine_pin((int)(intptr_t)core);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        while (load_acquire(&round_no) < round)
            gosched();
        if (*(volatile uint64_t *)load_acquire(&shared) != round) fetch_add(&stale, 1);
        fetch_add(&readers_done, 1);
    }
    fetch_add(&readers_left, 1);
}

static void test_stale(void) {
    void *frame[1];
    Range r = {frame, 1, NULL};
    uint32_t cores = (uint32_t)cpu_count();
    int64_t same = 0;
    uint64_t *before = NULL;
    int64_t free_before = 0;
    for (uint32_t c = 0; c < cores; c++)
        go(reader, (void *)(intptr_t)c);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        free_before = pages_free();
        sys_call(map_here, &r);
        if (!r.at) panic("out of memory");
        same += r.at == before;
        before = r.at;
        *r.at = round;
        store_release(&shared, r.at);
        store_release(&round_no, round);
        while (load_acquire(&readers_done) < cores * round)
            gosched();
        *r.at = 0x5a1e;
        sys_call(unmap_here, &r);
        WAIT_UNTIL(pages_lost(free_before) <= 0, 2); // all cores have flushed: the address is free again
    }
    while (load_acquire(&readers_left) < cores)
        gosched();
    check_at_least("rounds with the same address", same, ROUNDS / 2);
    check_equal("stale reads", load_seq(&stale), 0);
}

// ---- many ranges

static _Atomic int64_t mapped, damaged;
static _Atomic uint32_t churners_done;
static void *frame_list[CHURNERS][MAX_PAGES];

static void churn(void *arg) {
    uintptr_t me = (uintptr_t)arg;
    uint64_t rand = me * 0x9e3779b97f4a7c15ull + 1;
    for (uint64_t i = 0; i < CHURNS; i++) {
        rand ^= rand << 13, rand ^= rand >> 7, rand ^= rand << 17;
        size_t n = rand % 4 ? 1 + rand / 4 % 40 : 1 + rand / 4 % MAX_PAGES;
        Range r = {frame_list[me], n, NULL};
        sys_call(map_here, &r);
        if (!r.at) panic("out of memory");
        fetch_add(&mapped, 1);
        uint64_t mark = me << 32 | i << 16;
        for (size_t k = 0; k < n; k++)
            r.at[k * 512] = mark | k;
        gosched();
        for (size_t k = 0; k < n; k++) {
            if (r.at[k * 512] != (mark | k)) fetch_add(&damaged, 1);
            if (*(uint64_t *)r.frames[k] != (mark | k)) fetch_add(&damaged, 1);
        }
        gosched();
        sys_call(unmap_here, &r);
    }
    fetch_add(&churners_done, 1);
}

static void test_churn(void) {
    for (uintptr_t i = 0; i < CHURNERS; i++)
        go(churn, (void *)i);
    while (load_acquire(&churners_done) < CHURNERS)
        gosched();
    check_equal("ranges mapped", load_seq(&mapped), CHURNERS * CHURNS);
    check_equal("frames or mappings damaged", load_seq(&damaged), 0);
}

int main(void) {
    int64_t free_before = pages_free(), most = 64;
    test_stale();
    test_churn();
    // All ranges are gone: what is missing is upper page tables, records, and stacks of the goroutines.
    WAIT_UNTIL(pages_lost(free_before) <= most, 10);
    check_at_most("pages kept for tables and records", pages_lost(free_before), most);
    return check_end("t_vmap");
}
