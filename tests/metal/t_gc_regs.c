// t_gc_regs.c -- the only pointer to an object is where no compiler would tell of it: in a callee-saved register, a vector register, or the red
// zone below the stack pointer of a goroutine that is preempted while a collection runs.
//
// args: GODEBUG=gcverify=1
// smp: 1 2
#include "metal.h"
#include "rt/gc.h"

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
// Overwrites what calls have left on the stack above.
static __attribute__((noinline)) void wipe(void) {
    volatile uint64_t words[64];
    for (int i = 0; i < 64; i++)
        words[i] = 0;
    __asm__ volatile("" : : "r"(words) : "memory");
}
static void check(const char *what, const Box *b) {
    check_true(what, b->id == ID && b->check == ~(uint64_t)ID);
    waitgroup_done(&all);
}

// Each loop is one asm statement: what it does not name holds no pointer, and it calls nothing.
#define WAIT "1: movb $1, %[ready]\n\tpause\n\tcmpb $0, %[release]\n\tje 1b\n\t"
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
    for (int i = 0; i < 5000; i++) {
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
