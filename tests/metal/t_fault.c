// t_fault.c -- does the one forbidden thing that its argument names; tests/test_faults.py knows how each must
// end.
//
// boot: none
// hosted: no
#include "metal.h"
#include "kernel/kernel.h"
#include "kernel/mem/layout.h"
#pragma GCC diagnostic ignored "-Warray-bounds" // constant addresses are the point

typedef void (*Code)(void);

static const char constant[16] = {(char)0xc3}; // ret
static char variable[16] = {(char)0xc3};
static volatile int zero;

static char *alias(const void *image) {
    return (char *)DIRECT_BASE + virt_to_phys(image);
}

static __attribute__((noinline)) void poke(void *where) {
    *(volatile char *)where = 1;
    zero = 0; // not a tail call: the caller stays in the backtrace
}
static __attribute__((noinline)) void call(const void *where) {
    ((Code)(uintptr_t)where)();
    zero = 0;
}

static ON_SYSTEM_STACK __attribute__((noinline)) uint64_t deeper(uint64_t n) {
    volatile uint64_t room[64];
    room[n % 64] = n;
    return n > 1000000 ? n : deeper(n + 1) + room[n % 64];
}

static void write_text(void) {
    poke(__text_start);
}
static void write_constant(void) {
    poke((void *)(uintptr_t)constant);
}
static void write_text_alias(void) {
    poke(alias(__text_start));
}
static void write_constant_alias(void) {
    poke(alias(constant));
}
static void run_data(void) {
    call(variable);
}
static void run_constant(void) {
    call(constant);
}
static void run_direct(void) {
    call(alias(__text_start));
}
static ON_SYSTEM_STACK void run_page_here(void *unused) {
    char *page = page_alloc(1);
    *page = (char)0xc3;
    ((Code)(uintptr_t)page)();
}
static void run_page(void) {
    sys_call(run_page_here, NULL);
}
static void write_nil(void) {
    poke((char *)8);
}
static void write_low(void) {
    poke((char *)0x9000);
}
static void write_hole(void) {
    poke((char *)DIRECT_BASE + 0xb8000);
}
static void write_guard(void) {
    poke((char *)cpus[1]->sys_lo - 8);
}
static ON_SYSTEM_STACK void overflow_here(void *unused) {
    zero = (int)deeper(0);
}
static void overflow_system(void) {
    sys_call(overflow_here, NULL);
}
static void non_canonical(void) {
    poke((char *)0x1234567812345678);
}
static void bad_opcode(void) {
    __asm__ volatile("ud2");
}
static void divide(void) {
    zero = 7 / zero;
}
static ON_SYSTEM_STACK void nil_in_runtime_here(void *unused) {
    *(volatile char *)8 = 1;
}
static void nil_in_runtime(void) {
    sys_call(nil_in_runtime_here, NULL);
}
// The fault stack itself is gone: the fault cannot be delivered.
static void double_fault(void) {
    lock_os_thread();
    cpus[core_id()]->tss.ist[IST_FAULT - 1] = KSTACK_BASE + 64;
    poke((char *)8);
}

// ---- with other cores

static _Atomic int there;

static void spin_there(void *core) {
    goroutine_pin((int)(intptr_t)core);
    fetch_add(&there, 1);
    for (;;)
        __asm__ volatile("pause");
}
static void fault_there(void *core) {
    goroutine_pin((int)(intptr_t)core);
    fetch_add(&there, 1);
    while (load_acquire(&there) < cpu_count())
        __asm__ volatile("pause");
    bad_opcode();
}
// All cores at once: one report.
static void everywhere(void) {
    for (intptr_t c = 1; c < cpu_count(); c++)
        go(fault_there, (void *)c);
    fault_there((void *)0);
}
// The report stops a core that runs, and shows what it ran.
static void beside_a_spinner(void) {
    go(spin_there, (void *)(intptr_t)1);
    goroutine_pin(0);
    while (!load_acquire(&there))
        gosched();
    bad_opcode();
}

static const struct {
    const char *name;
    void (*fn)(void);
} faults[] = {
    {"write_text", write_text},
    {"write_constant", write_constant},
    {"write_text_alias", write_text_alias},
    {"write_constant_alias", write_constant_alias},
    {"run_data", run_data},
    {"run_constant", run_constant},
    {"run_direct", run_direct},
    {"run_page", run_page},
    {"write_nil", write_nil},
    {"write_low", write_low},
    {"write_hole", write_hole},
    {"write_guard", write_guard},
    {"overflow_system", overflow_system},
    {"non_canonical", non_canonical},
    {"bad_opcode", bad_opcode},
    {"divide", divide},
    {"nil_in_runtime", nil_in_runtime},
    {"double_fault", double_fault},
    {"everywhere", everywhere},
    {"beside_a_spinner", beside_a_spinner},
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof faults / sizeof *faults; i++)
        if (strcmp(argv[1], faults[i].name) == 0) faults[i].fn();
    say("t_fault: nothing happened\n");
    return 1;
}
