// t_wx.c -- the page tables as they are: walks every entry and holds it against the rules of
// kernel/mem/layout.h.
//
// No page is writable and executable; only image text is executable; text, constants and blobs are writable
// under no address; nothing is mapped below the image; the direct map shows RAM and ACPI tables, the device
// window shows neither RAM; every stack has an unmapped page below it. And every core runs with the bits that
// make the rights count.
//
// boot: pvh uefi
// hosted: no
// smp: 4
// expect-re: ok   pages walked: [0-9]+, expected at least 100
// expect: ok   writable and executable: 0, expected 0
// expect: ok   executable outside of the image's text: 0, expected 0
// expect: ok   writable views of text, constants, blobs: 0, expected 0
// expect: ok   mapped below the image: 0, expected 0
// expect: ok   direct map of what is neither RAM nor ACPI: 0, expected 0
// expect: ok   devices mapped over RAM: 0, expected 0
// expect: ok   stacks without a guard page: 0, expected 0
// expect: ok   cores with all protection bits: 4, expected 4
// expect: t_wx: passed
#include "metal.h"
#include "kernel/kernel.h"
#include "kernel/mem/layout.h"
#include "kernel/mem/pte.h"
#include "kernel/x86/cpu.h"

static int64_t pages, both, stray_text, writable_const, low, direct_odd, device_ram, no_guard;

// ---- one leaf: [virt, virt + bytes) shows [phys, phys + bytes)

static bool meets(uint64_t lo, uint64_t hi, const char *from, const char *to) {
    return lo < virt_to_phys(to) && hi > virt_to_phys(from);
}

static ON_SYSTEM_STACK void check_direct(uint64_t phys, uint64_t bytes) {
    for (uint64_t p = phys; p < phys + bytes; p += PAGE_SIZE) {
        MemType first = phys_type(p),
                last = phys_type(p + PAGE_SIZE - 1); // ACPI tables may begin or end inside a page
        bool good = phys_is_ram(p) || first == MEM_ACPI || last == MEM_ACPI;
        if (!good) direct_odd++;
    }
}

static ON_SYSTEM_STACK void check_leaf(uintptr_t virt, uint64_t phys, uint64_t bytes, bool w, bool x) {
    uint64_t end = phys + bytes;
    pages++;
    if (w && x) both++;
    if (x && !(virt >= (uintptr_t)__text_start && virt + bytes <= (uintptr_t)__text_end)) stray_text++;
    if (w && (meets(phys, end, __text_start, __text_end) || meets(phys, end, __rodata_start, __rodata_end) ||
              meets(phys, end, __blobs_start, __image_end)))
        writable_const++;
    if (virt < IMAGE_BASE) low++;
    if (virt >= DIRECT_BASE && virt < DIRECT_BASE + DIRECT_BYTES) check_direct(phys, bytes);
    if (virt >= MMIO_BASE && virt < MMIO_BASE + MMIO_BYTES && (phys_is_ram(phys) || phys_is_ram(end - 1)))
        device_ram++;
}

// ---- all of them

// Rights narrow on the way down: a table's entry without W makes everything below it read-only.
static ON_SYSTEM_STACK void walk(uint64_t table_phys, int level, uintptr_t virt, bool w, bool x) {
    const uint64_t *table = phys_to_virt(table_phys);
    for (uint64_t i = 0; i < PTES; i++) {
        uint64_t e = table[i];
        if (!(e & PTE_P)) continue;
        uintptr_t v = virt + i * pte_span(level);
        if (level == paging_levels() && i >= PTES / 2)
            v |= -(level == 5 ? 1ull << 57 : 1ull << 48); // sign extension
        bool ew = w && e & PTE_W, ex = x && !(e & PTE_NX);
        if (level > 1 && !(e & PTE_LARGE))
            walk(e & PTE_ADDR, level - 1, v, ew, ex);
        else
            check_leaf(v, e & PTE_ADDR & ~(pte_span(level) - 1), pte_span(level), ew, ex);
    }
}

static ON_SYSTEM_STACK void walk_here(void *unused) {
    walk(cpu_read_cr3() & PTE_ADDR, paging_levels(), 0, true, true);
    for (int c = 0; c < cpus_up; c++) {
        const Cpu *cpu = cpus[c];
        if (paging_readable(cpu->sys_lo - 1) || !paging_readable(cpu->sys_lo)) no_guard++;
        for (int i = 1; i < IST_COUNT; i++)
            if (paging_readable(cpu->ist_top[i] - TRAP_STACK_BYTES - 1)) no_guard++;
        for (int i = 0; i < FAULT_LEVELS; i++)
            if (paging_readable(cpu->fault_top[i] - TRAP_STACK_BYTES - 1)) no_guard++;
    }
}

// ---- what makes the rights count, core by core

static _Atomic int64_t protected, asked;

static ON_SYSTEM_STACK void bits_here(void *unused) {
    uint64_t cr4 = cpu_read_cr4();
    bool good = cpu_read_cr0() & CR0_WP;
    good = good && (!cpu_features.nx || cpu_rdmsr(MSR_EFER) & EFER_NXE);
    good = good && (!cpu_features.smep || cr4 & CR4_SMEP) && (!cpu_features.umip || cr4 & CR4_UMIP);
    if (good) fetch_add(&protected, 1);
}
static void ask_core(void *core) {
    goroutine_pin((int)(intptr_t)core);
    sys_call(bits_here, NULL);
    fetch_add(&asked, 1);
}

int main(void) {
    sys_call(walk_here, NULL);
    check_at_least("pages walked", pages, 100);
    check_equal("writable and executable", both, 0);
    check_equal("executable outside of the image's text", stray_text, 0);
    check_equal("writable views of text, constants, blobs", writable_const, 0);
    check_equal("mapped below the image", low, 0);
    check_equal("direct map of what is neither RAM nor ACPI", direct_odd, 0);
    check_equal("devices mapped over RAM", device_ram, 0);
    check_equal("stacks without a guard page", no_guard, 0);
    for (intptr_t c = 0; c < cpu_count(); c++)
        go(ask_core, (void *)c);
    WAIT_UNTIL(load_seq(&asked) == cpu_count(), 10);
    check_equal("cores with all protection bits", load_seq(&protected), cpu_count());
    return check_end("t_wx");
}
