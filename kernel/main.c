// main.c -- the boot order, one call per line, and the summary it ends with.
//
// Runs on the boot core, interrupts off, on the boot stack; ends by moving to the guarded system stack and
// entering the runtime. Each line may use what the lines above it made.
#include "kernel/button.h"
#include "kernel/kernel.h"
#include "kernel/version.h"
#include "kernel/mem/layout.h"
#include "kernel/numa.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/ioapic.h"
#include "kernel/x86/rtc.h"
#include "kernel/x86/mcheck.h"
#include "rt/mem.h"

enum { STAGES_MAX = 16 };

_Noreturn void kernel_main(const BootInfo *bi);               // entry.asm calls it
_Noreturn void stack_switch(uintptr_t top, void (*fn)(void)); // entry.asm

static BootInfo boot_info; // our copy: the original lies in memory that is handed out
static struct {
    const char *name;
    uint64_t tsc;
} stage[STAGES_MAX];
static unsigned stages;

void boot_stage(const char *name) {
    if (stages == STAGES_MAX) return;
    stage[stages].name = name;
    stage[stages++].tsc = cpu_rdtsc();
}

// ---- summary

static void print_ms(uint64_t tsc, uint64_t hz) {
    uint64_t us = hz >= 1000000 ? tsc / (hz / 1000000) : 0;
    rt_printf("%lu.%lu ms", us / 1000, us / 100 % 10);
}

static void print_summary(int cores) {
    const uint64_t hz = clock_tsc_hz();
    const BootInfo *bi = &boot_info;
    rt_printf("burrow: build %s, version " BURROW_VERSION ", booted by %s\n", rt_build_id(),
              bi->firmware[0] ? bi->firmware : "unknown firmware");
    rt_printf("cores:  %d of %d (%s)%s%s\n", cores, smp_found(),
              cpu_features.brand[0] ? cpu_features.brand : cpu_features.vendor,
              apic_is_x2() ? ", x2APIC" : "", cpu_features.la57_active ? ", LA57" : "");
    rt_printf("memory: %lu MiB free of %lu MiB", page_stats().free >> 20, frame_ram_bytes() >> 20);
    if (numa_nodes() > 1) rt_printf(", %d nodes", numa_nodes());
    rt_printf("\n");
    rt_printf("time:   ");
    if (bi->tsc_exit > bi->tsc_start) {
        rt_printf("loader ");
        print_ms(bi->tsc_exit - bi->tsc_start, hz);
        rt_printf(", ");
    }
    uint64_t last = bi->tsc_exit;
    for (unsigned i = 0; i < stages; last = stage[i++].tsc) {
        rt_printf("%s ", stage[i].name);
        print_ms(stage[i].tsc - last, hz);
        rt_printf(", ");
    }
    rt_printf("in all ");
    print_ms(last - bi->tsc_start, hz);
    rt_printf("\n");
}

// ---- the boot order

static void check_boot_info(const BootInfo *bi) {
    if (bi->magic != BOOTINFO_MAGIC || bi->version != BOOTINFO_VERSION)
        kernel_throw("boot loader and image do not belong together");
    if (bi->image_bytes != (uint64_t)(__image_end - __image_start)) kernel_throw("the image is truncated");
    if (bi->image_phys % PAGE_SIZE) kernel_throw("the image is not placed at a page");
    boot_info.firmware[sizeof boot_info.firmware - 1] = 0;
}

static void enter_runtime(void) {
    cpu_sti();
    rt_main();
}

_Noreturn void kernel_main(const BootInfo *bi_original) {
    boot_info = *bi_original;
    const BootInfo *bi = &boot_info;

    cpu_features_init();        // CPUID, once
    cpu_init_boot(rt_boot_p()); // %gs, %fs, GDT, IDT, TSS: from here on a fault is reported
    console_init(bi);           // serial: from here on a report is seen
    check_boot_info(bi);        // is this our loader, and all of our image?
    mcheck_init_core();         // broken hardware is reported
    fpu_init_boot();            // vector state: how much there is and how it is saved
    boot_stage("console");

    frame_init(bi);     // firmware's memory map, cleaned
    paging_init(bi);    // the final page tables: W^X, direct map
    frame_check_high(); // memory above 4 GiB is there
    cmdline_init(bi);   // command line copied out of boot memory
    fpu_apply_knobs();
    power_init(bi);      // the way out
    acpi_init(bi->rsdp); // cores, timers, nodes, reset register
    numa_init();         // which memory is near which core
    frame_handover();    // all RAM to the page allocator; boot memory is gone
    rt_p_set_node(rt_boot_p(), numa_node_of_core(cpus[0]->apic_id));
    if (!cpu_map_stacks(cpus[0])) kernel_throw("no memory for the boot core's stacks");
    boot_stage("memory");

    console_init_screen(bi); // framebuffer
    apic_init_core();        // this core's interrupt controller
    ioapic_init();           // the board's: all lines off...
    console_listen();        // ...but the consoles'
    button_init();           // ...and the power button's
    rtc_firmware_time(&bi->time);
    clock_init();     // calibrated time
    devices_init(bi); // keyboards
    boot_stage("devices");

    vmap_core_online(cpus[0]); // shootdowns count this core
    atomic_store_explicit(&cpus[0]->online, 1, memory_order_release);
    int cores = smp_start(); // the others, each parked
    paging_unmap_low();      // their trampoline; a nil access faults from here on
    boot_stage("cores");

    bool good = cmdline_apply(); // knobs and arguments; says itself what is wrong
    print_summary(cores);
    if (!good) plat_exit(2);
    stack_switch(cpus[0]->sys_hi, enter_runtime); // rt_main, on the guarded system stack, interrupts on
}
