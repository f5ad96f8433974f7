// smp.c -- finds the other cores and starts them.
//
// Each core gets its record, P and stacks before it is woken, so that it needs nothing but a look at its slot
// (ap.asm). All are woken at once: INIT, 10 ms (as Intel asks of real hardware), start-up IPI, and again from
// time to time for those that did not hear it. A core that does not arrive in time is reported by its APIC id
// and left out for good: its slot is revoked, so that it cannot claim it any more; it gets an INIT, after
// which only a start-up IPI wakes it; and the trampoline's gate is closed.
//
// Core numbers have no holes (rt indexes by them). So when some fail, the cores numbered after the first
// failure are stopped again by INIT and started once more, one number lower each; the records are reused,
// their number is what counts. That is slow and hardly ever happens, which beats a slow path in every start.
//
// A starting core gives itself the boot core's memory types (mtrr.c) and compares its TSC with the boot
// core's, which plays its part while it waits (tsc_sync.c). Then it parks by `sti; hlt` until rt wants it.
#include "kernel/acpi.h"
#include "kernel/cmdline.h"
#include "kernel/kernel.h"
#include "kernel/numa.h"
#include "kernel/x86/ap.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/clock.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/mtrr.h"
#include "kernel/x86/tsc.h"
#include "rt/atomic.h"

enum {
    INIT_DELAY_US = 10000,
    INIT_DELAY_VM_US = 100,
    STARTUP_AGAIN_US = 2000,
    PATIENCE_US = 1000000,
    PATIENCE_VM_US = 4000000, // where a core is a thread that a busy host has not run for a while
    XAPIC_ID_MAX = 254
};

ApSlot ap_slots[PLAT_MAX_CPUS]; // [i] is for core i + 1
uint32_t ap_slot_count;

static uint32_t ids[PLAT_MAX_CPUS]; // APIC ids of the cores to start, in core order
static int id_count;

_Noreturn void ap_main(Cpu *cpu); // ap.asm

static void delay_us(uint64_t us) {
    uint64_t start = cpu_rdtsc(), cycles = clock_tsc_hz() / 1000000 * us;
    while (cpu_rdtsc() - start < cycles)
        cpu_pause();
}

// ---- on the core that starts

_Noreturn void ap_main(Cpu *cpu) {
    cpu_enter(cpu);
    mtrr_init_core();
    apic_init_core();
    clock_init_core();
    tsc_sync_core(cpu->id);
    store_release(&cpu->online, 1); // pairs with the acquire in is_online
    void (*fn)(int);
    while (!(fn = load_acquire(&cpu->start_fn))) { // pairs with plat_cpu_start
        cpu_sti_hlt();
        cpu_cli();
    }
    cpu_sti();
    fn(cpu->id);
    kernel_throw("a core's function returned");
}

// ---- which cores

int smp_found(void) {
    const AcpiInfo *a = acpi_info();
    uint32_t self = apic_id_self();
    for (unsigned i = 0; i < a->cpu_count; i++)
        if (a->cpus[i].apic_id == self) return (int)(a->cpu_count + a->cpu_lost);
    return (int)(a->cpu_count + a->cpu_lost) + 1; // the tables do not name us, yet here we are
}

static void choose_cores(void) {
    const AcpiInfo *a = acpi_info();
    uint64_t limit;
    if (!cmdline_knob(KNOB_MAXCPUS, &limit)) limit = PLAT_MAX_CPUS;
    for (unsigned i = 0; i < a->cpu_count && (uint64_t)id_count + 1 < limit; i++) {
        uint32_t id = a->cpus[i].apic_id;
        if (id == cpus[0]->apic_id) continue;
        if (!apic_is_x2() && id > XAPIC_ID_MAX)
            rt_printf("smp: core with APIC id %u left out: needs x2APIC\n", id);
        else
            ids[id_count++] = id;
    }
}

// Records for as many as there is memory for.
static void make_records(void) {
    for (int i = 0; i < id_count; i++) {
        Cpu *c = cpu_new(i + 1, ids[i]);
        if (!c) {
            rt_printf("smp: no memory for core %d; %d cores left out\n", i + 1, id_count - i);
            id_count = i;
            return;
        }
        cpus[i + 1] = c;
    }
}

// ---- the trampoline

static ApParams *params; // in the trampoline page, writable

// False: no page below 1 MiB, or it cannot be mapped.
static bool trampoline_place(uint64_t page) {
    char *to = page ? phys_to_virt(page) : NULL;
    if (!to || !paging_map_low_trampoline(page)) return false;
    size_t bytes = (size_t)(ap_trampoline_end - ap_trampoline), at = (size_t)(ap_params - ap_trampoline);
    for (size_t i = 0; i < bytes; i++)
        to[i] = ap_trampoline[i];
    params = (ApParams *)(to + at);
    *params = (ApParams){
        .gdt_limit = sizeof params->gdt - 1,
        .gdt_base = (uint32_t)(page + at + offsetof(ApParams, gdt)),
        .cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG,
        .cr3 = (uint32_t)paging_root(),
        .cr4 = (uint32_t)paging_cr4(),
        .efer = EFER_LME | (cpu_features.nx ? EFER_NXE : 0),
        .jump_offset = (uint32_t)(page + (size_t)(ap_long - ap_trampoline)),
        .jump_selector = 0x08,
        .entry = (uint64_t)ap_entry,
        .gdt = {0, 0x00af9b000000ffff, 0x00cf93000000ffff},
    };
    return paging_root() < 1ull << 32; // %cr3 is loaded in 16-bit mode
}

// ---- one round of starting

// Pairs with the release in ap_main.
static bool is_online(int i) {
    return load_acquire(&cpus[i + 1]->online);
}

static void slots_fill(void) {
    for (int i = 0; i < id_count; i++) {
        if (is_online(i)) continue;
        Cpu *c = cpus[i + 1];
        c->apic_id = ids[i];
        rt_p_set_node(c->p, numa_node_of_core(ids[i]));
        ap_slots[i].apic_id = ids[i];
        ap_slots[i].stack = c->sys_hi;
        ap_slots[i].cpu = c;
        store_release(&ap_slots[i].state, AP_EXPECTED); // pairs with the core's cmpxchg
    }
    ap_slot_count = (uint32_t)id_count;
}

static bool plays_dead(uint32_t apic_id) {
    uint64_t dead;
    return cmdline_knob(KNOB_TESTDEADAP, &dead) && dead == apic_id;
}

static void wake_missing(bool init) {
    uint8_t page = (uint8_t)((params->gdt_base & ~(PAGE_SIZE - 1)) / PAGE_SIZE);
    for (int i = 0; i < id_count; i++) {
        if (load_acquire(&ap_slots[i].state) != AP_EXPECTED || plays_dead(ids[i])) continue;
        if (init)
            apic_send_init(ids[i]);
        else
            apic_send_startup(ids[i], page);
    }
}

static int count_online(void) {
    int n = 0;
    for (int i = 0; i < id_count; i++)
        n += is_online(i);
    return n;
}

// Sends start-up IPIs until all are online, or none has come for PATIENCE_US (longer when the test of the
// clocks takes longer). A core that runs already ignores them.
static void wait_online(void) {
    uint64_t us = clock_tsc_hz() / 1000000, since = cpu_rdtsc(), sent = since;
    uint64_t test, patience_us = cpu_features.hypervisor ? PATIENCE_VM_US : PATIENCE_US;
    if (cmdline_knob(KNOB_TESTTSC, &test)) patience_us *= 10;
    wake_missing(false);
    for (int up = 0, now; (now = count_online()) < id_count; up = now) {
        uint64_t tsc = cpu_rdtsc();
        if (now != up) since = tsc;
        if (tsc - since > patience_us * us) return;
        if (tsc - sent > STARTUP_AGAIN_US * us) {
            wake_missing(false);
            sent = tsc;
        }
        tsc_sync_pump(id_count + 1);
    }
}

static void stop_core(int i) {
    store_release(&ap_slots[i].state, AP_REVOKED);
    apic_send_init(ids[i]);
    store_release(&cpus[i + 1]->online, 0);
}

// Reports and removes the cores that are not online; stops those after the first of them. True: nobody is
// missing.
static bool remove_missing(void) {
    int kept = 0;
    for (int i = 0; i < id_count; i++) {
        bool online = is_online(i);
        if (!online) rt_printf("smp: core with APIC id %u does not answer; left out\n", ids[i]);
        if (!online || kept < i) stop_core(i);
        if (online) ids[kept++] = ids[i];
    }
    bool complete = kept == id_count;
    id_count = kept;
    return complete;
}

static void start_all(void) {
    params->gate = 1;
    do { // each round has fewer cores than the one before
        slots_fill();
        wake_missing(true);
        delay_us(cpu_features.hypervisor ? INIT_DELAY_VM_US : INIT_DELAY_US);
        wait_online();
    } while (!remove_missing());
    params->gate = 0;
}

// ---- the order

static void check_clocks(void) {
    bool differ = false;
    for (int cpu = 1; cpu <= id_count; cpu++) {
        int64_t corrected, remains = tsc_sync_result(cpu, &corrected);
        if (corrected)
            rt_printf("smp: time-stamp counter of core %d corrected by %ld cycles\n", cpu, corrected);
        if (remains) rt_printf("smp: time-stamp counter of core %d differs by %ld cycles\n", cpu, remains);
        differ |= remains != 0;
    }
    if (differ) clock_leave_tsc("it differs between cores");
}

int smp_start(void) {
    cpus_up = 1;
    choose_cores();
    if (id_count == 0) return 1;
    if (!trampoline_place(frame_low_page())) {
        rt_printf("smp: no memory below 1 MiB to start cores from; one core\n");
        return 1;
    }
    make_records();
    tsc_sync_init();
    mtrr_read_boot();
    start_all();
    mtrr_report();
    for (int i = id_count + 1; i < PLAT_MAX_CPUS; i++)
        cpus[i] = NULL;
    cpus_up = id_count + 1;
    check_clocks();
    return cpus_up;
}
