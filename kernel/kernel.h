// kernel.h -- what the parts of the kernel offer each other.
//
// The kernel is the machine: cores, traps, interrupts, clock, page tables, console, crash report. It
// implements rt/plat.h and calls rt by rt/rt.h. Everything here runs with general registers only. Marks used
// below:
//   [any]   callable from an interrupt or fault handler: takes no lock, allocates nothing
//   [boot]  boot core, before rt_main, interrupts off
// Everything else: a system stack, no spin lock held.
#pragma once
#include <stdatomic.h>
#include "boot/bootinfo.h"
#include "rt/plat.h"
#include "rt/rt.h"

// ---- interrupt vectors above the CPU's own 32
enum {
    VEC_TIMER = 0x40,    // local APIC timer -> rt_irq_tick
    VEC_IPI = 0x41,      // plat_ipi, plat_wake -> rt_irq_ipi
    VEC_TLB = 0x42,      // flush the TLB and acknowledge (vmap.c)
    VEC_DEVICE = 0x50,   // first of the vectors given to devices by irq_register
    VEC_SPURIOUS = 0xff, // local APIC's spurious vector: no EOI, unless a device sent it
};

// ---- a core (tables.c)
// One stack per kind of trap, because a trap of one kind can interrupt the handler of another.
typedef enum { IST_NMI = 1, IST_DOUBLE, IST_MCHECK, IST_DEBUG, IST_FAULT, IST_IRQ, IST_COUNT } IstIndex;

#define FAULT_LEVELS     2            // faults inside fault handling that still get a report
#define SYS_STACK_BYTES  (32u * 1024) // scheduler, page allocator, everything that needs depth
#define TRAP_STACK_BYTES (16u * 1024) // each IST stack, each fault level

typedef struct __attribute__((packed)) Tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; // ist[i - 1] is IstIndex i
    uint64_t reserved2;
    uint16_t reserved3, iomap_base;
} Tss;
_Static_assert(sizeof(Tss) == 104, "the CPU's layout");

typedef struct Cpu {
    int id;                            // 0..cpus_up-1, = index in cpus[] and of its TSS in the GDT
    uint32_t apic_id;                  // hardware name, for IPIs
    struct P *p;                       // its runtime half
    uintptr_t sys_lo, sys_hi;          // system stack
    uintptr_t ist_top[IST_COUNT];      // exception stacks; [0] unused
    uintptr_t fault_top[FAULT_LEVELS]; // where a fault's frame is copied before it is handled
    Tss tss;

    // smp.c: parking and start
    // 1: runs in C with tables, page tables and interrupts; release by the core itself
    _Atomic uint32_t online;
    void (*_Atomic start_fn)(int cpu); // release by plat_cpu_start, acquire in the parking loop

    // plat.c: sleeping
    _Atomic uint32_t idle; // 1: about to halt or halted; pairs with plat_wake (see plat_idle)

    // vmap.c
    _Atomic uint64_t tlb_ack; // shootdown generation this core has flushed; release by the core itself

    // trap.c: written by the core itself, with interrupts off
    int fault_depth;          // faults being handled, 0 normally
    int nmi_depth;            // 1: inside the NMI handler
    TrapFrame stop_frame;     // what it ran when a report stopped it; valid while stopped is set
    _Atomic uint32_t stopped; // release by the core's NMI handler, acquire by the reporter
    TrapFrame *irq_frame;     // irq.c: what an interrupt's handler interrupted; NULL: none runs
    bool dump_armed;          // dump.c: a fault continues at dump_escape
    void *dump_escape[5];

    // counters: written by the core itself, read by anybody for statistics
    _Atomic uint64_t irq_timer, irq_ipi, irq_tlb, irq_device, irq_spurious, nmis, faults;
} Cpu;

extern Cpu *cpus[PLAT_MAX_CPUS]; // [0, cpus_up); the boot core is 0
extern int cpus_up;              // cores that answered; smp_start sets it, then constant

Cpu *cpu_self(void);                    // [any] this core, even with a broken %gs (task register)
Cpu *cpu_new(int id, uint32_t apic_id); // record, P, guarded stacks; not in cpus[] yet. NULL: no memory
// [boot] core 0 with small early trap stacks, so that everything after can report
void cpu_init_boot(struct P *p);
bool cpu_map_stacks(Cpu *cpu); // [boot] its guarded stacks; false: no memory
// AP only, first C code: page tables and control bits, tables, P in %gs/%fs, FPU. On the core's system stack.
void cpu_enter(Cpu *cpu);
void cpu_init_tables(Cpu *cpu); // [any] GDT, IDT, TSS, segment registers of this core
void cpu_set_p(struct P *p);    // [any] %gs := p, %fs := its TCB
void fpu_init_boot(void);       // [boot] chooses the save format, tells rt
void fpu_apply_knobs(void);     // [boot] after cmdline_init: the area's size holds for either format
void fpu_init_core(void);       // CR0, CR4, XCR0, MXCSR of this core

// ---- CPU features (x86/features.c)
typedef struct CpuFeatures {
    char vendor[13], brand[49];
    uint32_t max_leaf, max_ext_leaf;
    unsigned phys_bits, virt_bits;
    bool nx, page_1g, la57_active, pcid, smep, umip, fsgsbase, xsave, xsavec, x2apic, tsc_deadline,
        invariant_tsc, arat, monitor, rdrand, rdtscp, hypervisor;
    uint64_t xcr0_offered;
} CpuFeatures;
extern CpuFeatures cpu_features;
void cpu_features_init(void); // [boot]

// ---- physical memory (mem/frame.c)
void frame_init(const BootInfo *bi); // [boot] checks and copies the memory map
// n contiguous zeroed frames (physical address), page tables and stacks; below 4 GiB until paging_init is
// done and after it while there are some. From the page allocator once frame_handover was called. 0: none.
uint64_t frame_alloc(size_t n);
void frame_check_high(void);      // [boot] after paging_init: leaves out what is no memory above 4 GiB
void frame_handover(void);        // [boot] gives everything usable to rt_mem_add; boot memory included
bool phys_is_ram(uint64_t phys);  // [any] in the direct map as RAM (usable, boot, image)
MemType phys_type(uint64_t phys); // [any] MEM_RESERVED where the map says nothing
uint64_t frame_low_page(void); // a RAM page below 640 KiB for the AP trampoline; never handed over; 0: none
// The boot map as cleaned up: sorted, disjoint, merged.
typedef struct {
    uint64_t lo, hi;
    MemType type;
} MemSpan;
const MemSpan *frame_spans(size_t *count);
uint64_t frame_ram_bytes(void); // usable + boot + image

// ---- page tables (mem/paging.c)
typedef enum { CACHE_WB, CACHE_WC, CACHE_UC } CacheType;
void paging_init(const BootInfo *bi); // [boot] builds and loads the final page tables
bool paging_is_final(void); // [any] paging_init is done: all RAM is reachable by phys_to_virt (before: 4 GiB)
void paging_load(void);     // this core: CR3, CR0.WP, CR4, EFER.NXE, PAT
uint64_t paging_root(void); // physical address of the top table: below 4 GiB, for the AP trampoline
uint64_t paging_cr4(void);  // CR4 for an AP's first entry into long mode (LA57 as active)
bool paging_readable(uintptr_t addr); // [any] walks the tables: a read of this byte cannot fault
// one page, identity, readable and executable, until paging_unmap_low
bool paging_map_low_trampoline(uint64_t phys);
void paging_unmap_low(void); // removes it; page zero and the low megabyte are never mapped otherwise
// Device registers; phys need not be aligned. Refuses RAM (NULL, with a message). Never unmapped; the same
// region twice gives the same address.
void *map_mmio(uint64_t phys, size_t bytes, CacheType cache);
// Firmware tables, read-only, wherever they lie. NULL: not addressable, or no memory.
const uint8_t *map_acpi(uint64_t phys, size_t bytes);
void *phys_to_virt(uint64_t phys);       // [any] direct map; the caller knows that it is RAM
uint64_t virt_to_phys(const void *virt); // [any] direct map or image; anything else is a bug (rt_throw)
// A stack of one core, with an unmapped page below it: returns its top, 16-aligned; 0: no memory. Once per
// cpu and kind; [boot].
typedef enum {
    STACK_SYSTEM,
    STACK_IST,                           // + IstIndex
    STACK_FAULT = STACK_IST + IST_COUNT, // + level
    STACK_KINDS = STACK_FAULT + FAULT_LEVELS
} StackKind;
uintptr_t map_kernel_stack(int cpu, StackKind kind, size_t bytes);
// If addr lies in the unmapped part of a stack's slot: whose stack, as in "system stack overflow on core 2";
// else NULL. [any]
const char *paging_guard_name(uintptr_t addr, int *cpu);
// (mem/explain.c) Names the reason of an access fault in the kernel's own words, from the address map: "write
// to read-only image text". [any]
const char *paging_explain(uintptr_t addr, bool write, bool exec);

// ---- mappings of the runtime (mem/vmap.c)
void vmap_flush_request(void);   // every core flushes its TLB soon; waits for nobody
void vmap_core_online(Cpu *cpu); // from cpu_enter, before online is set
void vmap_irq(Cpu *cpu);         // [any] VEC_TLB
// flushes if asked; recycles some of what all cores have let go: true, there may be more
bool vmap_idle(Cpu *cpu);

// ---- traps and interrupts (x86/trap.c, irq.c)
typedef void (*IrqHandler)(int vector, void *arg); // interrupts off, [any] rules; the EOI is sent afterwards
int irq_register(IrqHandler fn, void *arg);        // a vector from VEC_DEVICE up; -1: none left
// The end for a fault that nobody takes: one report on every console, then plat_exit(2). tf may be NULL.
// [any]
_Noreturn void panic_report(TrapFrame *tf, const char *cause);
_Noreturn void
kernel_throw(const char *msg); // rt_throw's sibling for broken kernel invariants; constant text

// ---- boot chart (main.c): names the stage that ends now; the summary prints the differences
void boot_stage(const char *name); // [boot]

// ---- devices of the board, other cores, consoles, the way out: each in its own file
// ---- acpi.c: static tables only, every length checked
void acpi_init(uint64_t rsdp); // [boot] 0: none; leaves defaults
// ---- x86/apic.c
void apic_init_core(void);                   // this core: xAPIC or x2APIC, LINT1 = NMI, timer masked
void apic_eoi(void);                         // [any]
bool apic_in_service(int vector);            // [any] this core has taken it and not given the EOI
bool apic_is_pending(int vector);            // [any] it has arrived at this core, which has not taken it
void apic_ipi(uint32_t apic_id, int vector); // [any] small (128 B of stack); own id too; waits bounded
void apic_nmi(uint32_t apic_id);             // [any]
void apic_timer_arm_ns(int64_t delta_ns);    // [any] small; one-shot; <= 0: at once; TIME_NEVER disarms
uint32_t apic_id_self(void);                 // [any] valid even before apic_init_core (CPUID)
// ---- x86/clock.c
void clock_init(void);               // [boot] calibrates TSC and APIC timer
void clock_init_core(void);          // an AP's share, if any
int64_t clock_now_ns(void);          // [any] small; 0 before clock_init
int64_t clock_wall_ns(void);         // Unix time; 0: unknown
uint64_t clock_tsc_hz(void);         // 0 before clock_init
void clock_arm(int64_t deadline_ns); // [any] small; plat_timer_arm
// ---- smp.c
// Starts every other core the ACPI tables name; sets cpus[] and cpus_up; reports and leaves out those that do
// not answer. Each parks by `sti; hlt` (it must answer VEC_TLB and NMI) until start_fn is set. Returns cores
// up, the boot core included.
int smp_start(void);
int smp_found(void); // cores that the tables name
// ---- power.c
// [boot] copies what power_off needs (EFI ResetSystem and its page table, FADT)
void power_init(const BootInfo *bi);
_Noreturn void power_off(int code); // [any] drains the consoles, then debug-exit, EFI, FADT, or halts
// ---- log.c, drivers/serial.c, drivers/framebuffer.c
void console_init(const BootInfo *bi);             // [boot] serial; first output; no memory, no mappings
void console_init_screen(const BootInfo *bi);      // [boot] framebuffer, after paging_init
void console_listen(void);                         // [boot] input, after ioapic_init
bool console_hears(void);                          // some device may bring input
size_t console_write_try(const char *s, size_t n); // plat_write_try
void console_write(const char *s, size_t n);       // [any] plat_write
size_t console_drain(void);                        // plat_console_drain
void console_panic(void); // [any] from now on one core owns the consoles: no locks, no buffering
// ---- devices.c
void devices_init(const BootInfo *bi); // [boot] after clock_init
bool devices_hear(void);               // some device may bring input
// The drivers' poll functions are called at or soon after deadline_ns. Boot core, interrupts off.
void device_poll_at(int64_t deadline_ns);
void devices_poll(void); // clock.c calls it
// ---- fwcfg.c, cmdline.c
// [boot] copies the line (BootInfo, fw_cfg) before boot memory is reused
void cmdline_init(const BootInfo *bi);
bool cmdline_apply(void); // [boot] rt_cmdline; false: malformed
