// tables.c -- GDT, IDT and TSS: what the CPU looks up when something traps.
//
// One GDT and one IDT serve all cores. Each core has its own TSS, and the TSS's selector is what tells a core
// who it is: cpu_self reads the task register, which no damaged %gs can falsify, so crash reports may trust
// it.
//
// Every vector runs on an IST stack: a goroutine's stack never holds an interrupt frame, so
// compiled code may use the red zone, and a stack overflow does not fault again while its fault is delivered.
// Six stacks, since six kinds of trap can interrupt each other: NMI, double fault, machine check, debug,
// faults, interrupts. Faults, the kind whose handler can itself fault, move their frame on to another stack
// at once (trap_enter).
#include "kernel/kernel.h"
#include "kernel/mem/layout.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/mcheck.h"

enum { SEL_CODE = 0x08, SEL_DATA = 0x10, SEL_TSS0 = 0x20 }; // then 16 bytes a core
enum { TRAP_STUB_BYTES = 16 };                              // trap.asm

extern const char trap_stubs[256][TRAP_STUB_BYTES];

typedef struct {
    uint16_t off0, sel;
    uint8_t ist, type;
    uint16_t off16;
    uint32_t off32, zero;
} IdtGate;
_Static_assert(sizeof(IdtGate) == 16, "the CPU's layout");

Cpu *cpus[PLAT_MAX_CPUS];
int cpus_up;

static uint64_t gdt[SEL_TSS0 / 8 + 2 * PLAT_MAX_CPUS] = {
    [SEL_CODE / 8] =
        0x00af9b000000ffff, // 64-bit, ring 0, readable; "accessed" is set: loading writes nothing
    [SEL_DATA / 8] = 0x00cf93000000ffff,
};
static IdtGate idt[256];

Cpu *cpu_self(void) {
    unsigned sel = cpu_str();
    // Before cpu_init_tables the task register is firmware's or zero; only the boot core can be that early.
    unsigned id = sel >= SEL_TSS0 ? (sel - SEL_TSS0) / 16 : 0;
    return id < PLAT_MAX_CPUS && cpus[id] ? cpus[id] : cpus[0];
}

static IstIndex ist_of_vector(int vector) {
    switch (vector) {
    case 1:
        return IST_DEBUG;
    case 2:
        return IST_NMI;
    case 8:
        return IST_DOUBLE;
    case 18:
        return IST_MCHECK;
    default:
        return vector < 32 ? IST_FAULT : IST_IRQ;
    }
}

static void idt_fill(void) {
    for (int v = 0; v < 256; v++) {
        uint64_t stub = (uint64_t)trap_stubs[v];
        idt[v] = (IdtGate){.off0 = (uint16_t)stub,
                           .off16 = (uint16_t)(stub >> 16),
                           .off32 = (uint32_t)(stub >> 32),
                           .sel = SEL_CODE,
                           .ist = (uint8_t)ist_of_vector(v),
                           .type = 0x8e}; // present, interrupt gate: IF is cleared on entry
    }
}

static void gdt_set_tss(int id, const Tss *tss) {
    uint64_t base = (uint64_t)tss, limit = sizeof *tss - 1;
    uint64_t *d = &gdt[SEL_TSS0 / 8 + 2 * id];
    d[0] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 |
           (base >> 24 & 0xff) << 56; // 0x89: present, available TSS
    d[1] = base >> 32;
}

static void load_segments(void) {
    __asm__ volatile("pushq %0\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\tmovl %1, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%ss\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "movl %%eax, %%fs\n\t" // loses the bases: cpu_set_p follows
                     "movl %%eax, %%gs"
                     :
                     : "i"(SEL_CODE), "i"(SEL_DATA)
                     : "rax", "memory");
}

void cpu_set_p(struct P *p) {
    cpu_wrmsr(MSR_GS_BASE, (uint64_t)p);
    cpu_wrmsr(MSR_FS_BASE, (uint64_t)rt_p_tcb(p));
}

void cpu_init_tables(Cpu *cpu) {
    for (int i = 1; i < IST_COUNT; i++)
        cpu->tss.ist[i - 1] = cpu->ist_top[i];
    cpu->tss.iomap_base = sizeof cpu->tss; // no I/O bitmap
    if (cpu->id == 0) idt_fill();
    gdt_set_tss(cpu->id, &cpu->tss);

    const CpuTablePtr gdtr = {sizeof gdt - 1, (uint64_t)gdt}, idtr = {sizeof idt - 1, (uint64_t)idt};
    cpu_lgdt(&gdtr);
    load_segments();
    cpu_set_p(cpu->p);
    cpu_lidt(&idtr);
    cpu_ltr((uint16_t)(SEL_TSS0 + 16 * cpu->id));
}

// ---- the boot core before there are page tables of ours: small stacks without guards, one for all trap
// kinds

static Cpu boot_cpu;
static char early_trap_stack[1 + FAULT_LEVELS][8192] __attribute__((aligned(16)));

void cpu_init_boot(struct P *p) {
    Cpu *cpu = &boot_cpu;
    cpu->p = p;
    cpu->apic_id = apic_id_self();
    for (int i = 1; i < IST_COUNT; i++)
        cpu->ist_top[i] = (uintptr_t)early_trap_stack[1];
    for (int i = 0; i < FAULT_LEVELS; i++)
        cpu->fault_top[i] = (uintptr_t)early_trap_stack[2 + i];
    cpus[0] = cpu;
    cpus_up = 1;
    cpu_init_tables(cpu);
}

// ---- guarded stacks

bool cpu_map_stacks(Cpu *cpu) {
    uintptr_t top = map_kernel_stack(cpu->id, STACK_SYSTEM, SYS_STACK_BYTES);
    if (!top) return false;
    cpu->sys_lo = top - SYS_STACK_BYTES;
    cpu->sys_hi = top;

    uintptr_t ist[IST_COUNT], fault[FAULT_LEVELS];
    for (int i = 1; i < IST_COUNT; i++)
        if (!(ist[i] = map_kernel_stack(cpu->id, (StackKind)(STACK_IST + i), TRAP_STACK_BYTES))) return false;
    for (int i = 0; i < FAULT_LEVELS; i++)
        if (!(fault[i] = map_kernel_stack(cpu->id, (StackKind)(STACK_FAULT + i), TRAP_STACK_BYTES)))
            return false;

    // The CPU reads the TSS at each trap, so a core that already runs (the boot core) moves over here.
    for (int i = 1; i < IST_COUNT; i++)
        cpu->tss.ist[i - 1] = cpu->ist_top[i] = ist[i];
    for (int i = 0; i < FAULT_LEVELS; i++)
        cpu->fault_top[i] = fault[i];
    rt_p_set_stack(cpu->p, cpu->sys_lo, cpu->sys_hi, cpu);
    return true;
}

Cpu *cpu_new(int id, uint32_t apic_id) {
    _Static_assert(sizeof(Cpu) <= PAGE_SIZE, "one frame a core");
    uint64_t frame = frame_alloc(1);
    if (!frame) return NULL;
    Cpu *cpu = phys_to_virt(frame);
    cpu->id = id;
    cpu->apic_id = apic_id;
    cpu->p = rt_p_new(id);
    return cpu->p && cpu_map_stacks(cpu) ? cpu
                                         : NULL; // what was taken stays taken: the core is left out, once
}

void cpu_enter(Cpu *cpu) {
    paging_load();
    cpu_init_tables(cpu);
    mcheck_init_core();
    fpu_init_core();
    vmap_core_online(cpu);
}
