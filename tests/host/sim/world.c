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
