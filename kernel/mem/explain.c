// explain.c -- reading the page tables on behalf of crash reports: may this byte be read, and why did that
// access fault?
//
// Context: any, NMI included. Takes no lock and touches only tables, through the direct map; a table that
// another core frees in this moment is still RAM, so the worst that a race can give is a wrong answer about
// an address that is being unmapped.
#include "kernel/mem/pte.h"
#include "kernel/mem/layout.h"
#include "kernel/x86/cpu.h"

_Static_assert(STACK_KINDS <= KSTACK_SLOTS, "a slot a stack");

static bool canonical(uintptr_t addr) {
    int shift = paging_levels() == 5 ? 7 : 16; // sign bits above 57 or 48
    return (uintptr_t)((intptr_t)(addr << shift) >> shift) == addr;
}

// The leaf entry that maps addr; 0: none.
static uint64_t leaf_of(uintptr_t addr) {
    if (!canonical(addr)) return 0;
    uint64_t entry = cpu_read_cr3();
    for (int level = paging_levels(); level >= 1; level--) {
        uint64_t phys = entry & PTE_ADDR;
        if (paging_is_final() ? !phys_is_ram(phys) : phys >> 32 != 0)
            return 0; // a damaged table must not fault the report
        entry = ((uint64_t *)phys_to_virt(phys))[pte_index(addr, level)];
        if (!(entry & PTE_P)) return 0;
        if (level == 1 || (level <= 3 && entry & PTE_LARGE)) return entry;
    }
    return 0;
}

bool paging_readable(uintptr_t addr) {
    return leaf_of(addr) != 0;
}

static bool within(uintptr_t addr, const void *lo, const void *hi) {
    return addr >= (uintptr_t)lo && addr < (uintptr_t)hi;
}

static const char *explain_image(uintptr_t addr, bool write, bool exec) {
    if (within(addr, __text_start, __text_end)) return write ? "write to read-only image text" : "image text";
    if (within(addr, __rodata_start, __rodata_end))
        return write  ? "write to read-only image data"
               : exec ? "execution of read-only image data"
                      : "read-only image data";
    if (within(addr, __data_start, __data_end))
        return exec ? "execution of writable image data" : "image data";
    return write  ? "write to a read-only blob of the image"
           : exec ? "execution of a blob of the image"
                  : "blob of the image";
}

static const char *explain_direct(uintptr_t addr, bool write, bool exec) {
    if (!leaf_of(addr)) return "access through the direct map to what is not RAM";
    if (exec) return "execution of the direct map";
    if (!write) return "direct map";
    uint64_t phys = addr - DIRECT_BASE;
    if (phys_type(phys) != MEM_IMAGE) return "write through the direct map to firmware tables";
    return phys < virt_to_phys(__text_end) ? "write to read-only image text through its direct-map alias"
                                           : "write to read-only image data through its direct-map alias";
}

const char *paging_guard_name(uintptr_t addr, int *cpu) {
    static const char *const names[STACK_KINDS] = {
        [STACK_SYSTEM] = "system stack",
        [STACK_IST + IST_NMI] = "NMI stack",
        [STACK_IST + IST_DOUBLE] = "double fault stack",
        [STACK_IST + IST_MCHECK] = "machine check stack",
        [STACK_IST + IST_DEBUG] = "debug stack",
        [STACK_IST + IST_FAULT] = "fault stack",
        [STACK_IST + IST_IRQ] = "interrupt stack",
        [STACK_FAULT] = "fault handling stack",
        [STACK_FAULT + 1] = "nested fault handling stack",
    };
    if (addr < KSTACK_BASE || addr >= KSTACK_BASE + PLAT_MAX_CPUS * KSTACK_SLOTS * KSTACK_SLOT) return NULL;
    uint64_t slot = (addr - KSTACK_BASE) / KSTACK_SLOT, kind = slot % KSTACK_SLOTS;
    *cpu = (int)(slot / KSTACK_SLOTS);
    if (*cpu >= cpus_up || kind >= STACK_KINDS || !names[kind] || leaf_of(addr)) return NULL;
    return names[kind];
}

const char *paging_explain(uintptr_t addr, bool write, bool exec) {
    if (addr < PAGE_SIZE) return exec ? "call through a nil pointer" : "nil pointer";
    if (!canonical(addr)) return "non-canonical address";
    if (within(addr, __image_start, __image_end)) return explain_image(addr, write, exec);
    if (addr < IMAGE_BASE) return "low memory, which is not mapped";
    if (addr >= DIRECT_BASE && addr < DIRECT_BASE + DIRECT_BYTES) return explain_direct(addr, write, exec);
    if (addr >= VMAP_BASE && addr < VMAP_BASE + VMAP_BYTES)
        return exec ? "execution of a mapped large object"
                    : "large-object address that is not mapped (freed?)";
    if (addr >= MMIO_BASE && addr < MMIO_BASE + MMIO_BYTES)
        return exec                     ? "execution of device memory"
               : write && leaf_of(addr) ? "write to read-only firmware tables"
                                        : "device address that is not mapped";
    if (addr >= KSTACK_BASE)
        return exec ? "execution of a kernel stack" : "kernel address that is not mapped";
    return "address that is not mapped";
}
