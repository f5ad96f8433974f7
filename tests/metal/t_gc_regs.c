// t_gc_regs.c -- the only pointer to an object is where no compiler would tell of it: in a callee-saved register, a vector register, or the red
// zone below the stack pointer of a goroutine that is preempted while a collection runs.
//
// args: GODEBUG=gcverify=1
// smp: 1 2
#include "gc.h"

typedef struct Box {
    uint64_t id, check;
    uint64_t room[4];
} Box;
TYPE_NOSCAN(Box);
enum { ID = 0x5ca1ab1e };

static volatile bool ready, release;
static WaitGroup all;

static __attribute__((noinline)) Box *make(void) {
    Box *b = new (Box);
    b->id = ID, b->check = ~(uint64_t)ID;
    return b;
}
static void check(const char *what, const Box *b) {
    check_true(what, is_object(b) && b->id == ID && b->check == ~(uint64_t)ID);
    waitgroup_done(&all);
}

// Each loop is one asm statement that calls nothing, and nothing but what is named holds the pointer: registers keep old values until
// they get new ones.
#define FORGET                                                                                                                     \
    "xorl %%eax, %%eax\n\txorl %%ecx, %%ecx\n\txorl %%edx, %%edx\n\txorl %%esi, %%esi\n\txorl %%edi, %%edi\n\t"                          \
    "xorl %%r8d, %%r8d\n\txorl %%r9d, %%r9d\n\txorl %%r10d, %%r10d\n\txorl %%r11d, %%r11d\n\t"
#define WAIT FORGET "1: movb $1, %[ready]\n\tpause\n\tcmpb $0, %[release]\n\tje 1b\n\t"
#define FLAGS [ready] "+m"(ready), [release] "+m"(release)

static void general(void *unused) {
    register Box *b __asm__("r14") = make();
    wipe();
    __asm__ volatile(WAIT : FLAGS, "+r"(b) : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
    check("a general register", b);
}

static void vector(void *unused) {
    Box *b = make();
    wipe();
    __asm__ volatile("movq %[b], %%xmm13\n\txorl %k[b], %k[b]\n\t" WAIT "movq %%xmm13, %[b]\n\tpxor %%xmm13, %%xmm13"
                     : FLAGS, [b] "+r"(b)
                     :
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm13", "memory", "cc");
    check("a vector register", b);
}

static void red_zone(void *unused) {
    Box *b = make();
    wipe();
    __asm__ volatile("movq %[b], -104(%%rsp)\n\txorl %k[b], %k[b]\n\t" WAIT "movq -104(%%rsp), %[b]"
                     : FLAGS, [b] "+r"(b)
                     :
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
    check("the red zone", b);
}

static __attribute__((noinline)) void litter(void) {
    for (int i = 0; i < 5; i++) {
        Box *b = new (Box);
        b->id = b->check = 0xdead;
    }
}

int main(int argc, char **argv) {
    static void (*const fns[])(void *arg) = {general, vector, red_zone};
    for (int i = 0; i < 3; i++) {
        ready = release = false;
        waitgroup_add(&all, 1);
        go(fns[i], NULL);
        while (!ready)
            gosched();
        for (int k = 0; k < 3; k++) {
            gc_collect();
            litter();
        }
        release = true;
        waitgroup_wait(&all);
    }
    return check_end("t_gc_regs");
}
