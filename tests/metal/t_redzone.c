// t_redzone.c -- a panic at a fault leaves the 128 bytes below the faulting function's stack pointer alone.
//
// A function that calls nothing may keep its variables there, and deferred functions run while its frame
// still counts as alive.
#include "metal.h"

static uint64_t *zone; // 16 words

// Fills the red zone with i + 1, notes where it is, then reads address 0.
static __attribute__((noinline)) uint64_t fault_in_leaf(void) {
    uint64_t v;
    __asm__ volatile("lea -128(%%rsp), %%rax\n\t"
                     "mov %%rax, %[zone]\n\t"
                     ".irp n,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n\t"
                     "movq $\\n, -136+8*\\n(%%rsp)\n\t"
                     ".endr\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "mov (%%rax), %[v]"
                     : [v] "=r"(v), [zone] "=m"(zone)
                     :
                     : "rax", "memory");
    return v;
}

static uint64_t seen[16];
static void look(void *unused) {
    for (int i = 0; i < 16; i++)
        seen[i] = ((volatile uint64_t *)zone)[i];
    recover();
}

static __attribute__((noinline)) void try(void) {
    catch_panics();
    defer(look, NULL);
    fault_in_leaf();
}

int main(int argc, char **argv) {
    for (int round = 0; round < 3; round++) {
        __builtin_memset(seen, 0, sizeof seen);
        try();
        int intact = 0;
        for (uint64_t i = 0; i < 16; i++)
            intact += seen[i] == i + 1;
        check_equal("words of the red zone that are intact", intact, 16);
    }
    return check_end("t_redzone");
}
