// world.c -- the memory of the simulated machine, and a copy of it to begin each run with.
//
// The runtime's and the program's variables are linked into sections of their own (world_*, scripts/sim.mk; app_*, scripts/app.ld), the machine's
// RAM and the cores' stacks lie at fixed addresses: so a run is the same in every process, and the simulator's variables and
// libc's stay out of the copy. Of RAM only the pages that were ever touched are kept (mincore).
#include "sim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RAM_BYTES   (8ull << 20)
#define STACK_BYTES (1ull << 20)
#define PAGES       ((RAM_BYTES + STACK_BYTES) / PAGE_SIZE)

#define SECTION(name) extern char __start_##name[] __attribute__((weak)), __stop_##name[] __attribute__((weak))
SECTION(world_data);
SECTION(world_bss);
SECTION(app_data);
SECTION(app_bss);
static struct { char *lo, *hi, *saved; } variables[] = {{__start_world_data, __stop_world_data, NULL},
                                                        {__start_world_bss, __stop_world_bss, NULL},
                                                        {__start_app_data, __stop_app_data, NULL},
                                                        {__start_app_bss, __stop_app_bss, NULL}};
#define VARIABLES (sizeof variables / sizeof variables[0])

const uintptr_t sim_memory_lo = 0x200000000000, sim_memory_hi = 0x200000000000 + RAM_BYTES;
static uintptr_t stack_next = 0x200000000000 + RAM_BYTES;

static char *saved_pages;
static unsigned char kept[PAGES]; // 1: the page is in saved_pages
static Machine saved_machine;

static void *map(void *at, size_t bytes) {
    void *p = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED_NOREPLACE : 0), -1, 0);
    if (p != MAP_FAILED) return p;
    perror("sim: mmap");
    exit(2);
}

void world_init(void) {
    map((void *)sim_memory_lo, RAM_BYTES + STACK_BYTES);
    saved_pages = map(NULL, RAM_BYTES + STACK_BYTES);
    for (size_t i = 0; i < VARIABLES; i++)
        variables[i].saved = map(NULL, (size_t)(variables[i].hi - variables[i].lo) + PAGE_SIZE);
}

uintptr_t world_stack(size_t bytes) {
    if (stack_next + bytes > sim_memory_hi + STACK_BYTES) abort();
    return stack_next += bytes;
}

static void touched(unsigned char *now) {
    if (mincore((void *)sim_memory_lo, RAM_BYTES + STACK_BYTES, now) == 0) return;
    perror("sim: mincore");
    exit(2);
}

void world_save(void) {
    touched(kept);
    for (size_t i = 0; i < PAGES; i++)
        if ((kept[i] &= 1)) memcpy(saved_pages + i * PAGE_SIZE, (char *)sim_memory_lo + i * PAGE_SIZE, PAGE_SIZE);
    for (size_t i = 0; i < VARIABLES; i++)
        memcpy(variables[i].saved, variables[i].lo, (size_t)(variables[i].hi - variables[i].lo));
    saved_machine = sim;
}

void world_restore(void) {
    static unsigned char now[PAGES];
    touched(now);
    for (size_t i = 0; i < PAGES; i++) {
        char *page = (char *)sim_memory_lo + i * PAGE_SIZE;
        if (kept[i]) memcpy(page, saved_pages + i * PAGE_SIZE, PAGE_SIZE);
        else if (now[i] & 1) memset(page, 0, PAGE_SIZE);
    }
    for (size_t i = 0; i < VARIABLES; i++)
        memcpy(variables[i].lo, variables[i].saved, (size_t)(variables[i].hi - variables[i].lo));
    sim = saved_machine;
}

// ---- a number that stands for the state

static uint64_t lane[4];
static inline uint64_t mix(uint64_t h, uint64_t word) {
    h = (h ^ word) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}
// Whole words; from is aligned.
static void hash_range(const void *from, const void *to) {
    const uint64_t *w = from, *end = to;
    lane[0] = mix(lane[0], (uintptr_t)from);
    for (; w + 4 <= end; w += 4)
        for (int i = 0; i < 4; i++)
            lane[i] = mix(lane[i], w[i]);
    for (; w < end; w++)
        lane[1] = mix(lane[1], *w);
}

// What goes on from here depends on nothing else: the variables of runtime and program, RAM, the machine, and of the cores' own stacks
// what is in use.
uint64_t world_hash(const SimCore *next) {
    static unsigned char now[PAGES];
    lane[0] = (uint64_t)next->id;
    lane[1] = lane[2] = lane[3] = 1;
    hash_range(__start_world_data, __start_world_data + (size_t)(__stop_world_data - __start_world_data) / 8 * 8);
    hash_range(__start_world_bss, __start_world_bss + (size_t)(__stop_world_bss - __start_world_bss) / 8 * 8);
    touched(now);
    for (size_t i = 0; i < RAM_BYTES / PAGE_SIZE; i++) {
        char *page = (char *)sim_memory_lo + i * PAGE_SIZE;
        if (now[i] & 1) hash_range(page, page + PAGE_SIZE);
    }
    for (int i = 0; i < sim.cores; i++) {
        const SimCore *c = &sim.core[i];
        uintptr_t outer = c->interrupted ? c->interrupted : c->sp;
        if (outer >= c->sys_lo && outer < c->sys_hi) hash_range((void *)outer, (void *)c->sys_hi);
        if (c->interrupted) hash_range((void *)c->sp, (void *)c->irq_hi);
    }
    Machine m = sim;
    m.points = 0;
    hash_range(&m, &m + 1);
    return mix(mix(mix(lane[0], lane[1]), lane[2]), lane[3]);
}
