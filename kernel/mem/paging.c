// paging.c -- the final page tables: W^X, nothing mapped that nobody asked for.
//
// The boot stage's tables map everything writable and executable; they are left as soon as possible. Ours
// follow layout.h: the image by section, all RAM once more as direct map (largest pages that fit, never
// executable; read-only where it aliases what must not change), stacks between guard pages, devices one by
// one. So: no page is writable and executable, and the constant parts of the image are writable under no
// address.
//
// One set of tables for all cores, built on the boot core before the others run; afterwards paging.c only
// ever adds entries, which needs no TLB flush, except for paging_unmap_low. The vmap arena has its own rules
// (vmap.c).
#include "kernel/mem/pte.h"
#include "kernel/mem/layout.h"
#include "kernel/x86/cpu.h"

uint64_t pte_nx;

static uint64_t root;        // physical address of the top table
static uint64_t direct_base; // 0 while the boot stage's identity map is in use, then DIRECT_BASE
static uint64_t image_phys;
static uint64_t mmio_next = MMIO_BASE;
static uint64_t trampoline; // identity-mapped page, 0: none

// ---- addresses

bool paging_is_final(void) {
    return direct_base != 0;
}
int paging_levels(void) {
    return cpu_features.la57_active ? 5 : 4;
}
uint64_t paging_root(void) {
    return root;
}

void *phys_to_virt(uint64_t phys) {
    return (void *)(direct_base + phys);
}

uint64_t virt_to_phys(const void *virt) {
    uint64_t v = (uint64_t)virt;
    if (v >= DIRECT_BASE && v < DIRECT_BASE + DIRECT_BYTES) return v - DIRECT_BASE;
    if (v >= (uint64_t)__image_start && v <= (uint64_t)__image_end) return image_phys + (v - IMAGE_BASE);
    kernel_throw("virt_to_phys of an address outside direct map and image");
}

// ---- building

// The entry for `addr` in a table of `level`, making the tables above it. NULL: no memory.
static uint64_t *entry_make(uintptr_t addr, int level) {
    uint64_t *table = phys_to_virt(root);
    for (int l = paging_levels(); l > level; l--) {
        uint64_t *e = &table[pte_index(addr, l)];
        if (!(*e & PTE_P)) {
            uint64_t frame = frame_alloc(1);
            if (!frame) return NULL;
            *e = frame | PTE_TABLE;
        }
        table = pte_table(*e);
    }
    return &table[pte_index(addr, level)];
}

// The largest page that fits at this address: 1 GiB if the CPU has them, 2 MiB, 4 KiB.
static int level_that_fits(uintptr_t virt, uint64_t phys, uint64_t bytes) {
    for (int l = cpu_features.page_1g ? 3 : 2; l > 1; l--)
        if (((virt | phys) & (pte_span(l) - 1)) == 0 && bytes >= pte_span(l)) return l;
    return 1;
}

// Maps whole pages. Never changes an existing mapping.
static bool map_range(uintptr_t virt, uint64_t phys, uint64_t bytes, uint64_t leaf) {
    while (bytes) {
        int level = level_that_fits(virt, phys, bytes);
        uint64_t *e = entry_make(virt, level);
        if (!e) return false;
        if (*e & PTE_P) kernel_throw("two mappings for one address");
        *e = phys | leaf | (level > 1 ? PTE_LARGE : 0);
        virt += pte_span(level);
        phys += pte_span(level);
        bytes -= pte_span(level);
    }
    return true;
}

static void must_map(uintptr_t virt, uint64_t phys, uint64_t bytes, uint64_t leaf) {
    if (!map_range(virt, phys, bytes, leaf)) kernel_throw("no memory for the first page tables");
}

#define LEAF_R  (PTE_LEAF_RX | pte_nx)
#define LEAF_RW (PTE_LEAF_RX | PTE_W | pte_nx)

static uint64_t leaf_cache(CacheType c) {
    return c == CACHE_WC ? PTE_PWT : c == CACHE_UC ? PTE_PCD | PTE_PWT : 0;
}

static void map_section(const char *from, const char *to, uint64_t leaf) {
    must_map((uintptr_t)from, image_phys + ((uintptr_t)from - IMAGE_BASE), (uint64_t)(to - from), leaf);
}

static void map_image(void) {
    map_section(__text_start, __text_end, PTE_LEAF_RX);
    map_section(__rodata_start, __rodata_end, LEAF_R);
    map_section(__data_start, __data_end, LEAF_RW);
    map_section(__blobs_start, __image_end, LEAF_R);
}

// The direct map in pieces of equal rights; pieces that touch are joined so that large pages can cover them.
typedef struct {
    uint64_t lo, hi, leaf;
} DirectPiece;

static void direct_add(DirectPiece *last, uint64_t lo, uint64_t hi, uint64_t leaf) {
    if (lo >= hi) return;
    if (last->hi == lo && last->leaf == leaf) {
        last->hi = hi;
        return;
    }
    if (last->lo < last->hi) must_map(DIRECT_BASE + last->lo, last->lo, last->hi - last->lo, last->leaf);
    *last = (DirectPiece){lo, hi, leaf};
}

static void map_direct(void) {
    uint64_t data_lo = virt_to_phys(__data_start), data_hi = virt_to_phys(__data_end);
    size_t n;
    const MemSpan *s = frame_spans(&n);
    DirectPiece last = {0, 0, 0};
    for (const MemSpan *end = s + n; s < end; s++) {
        switch (s->type) {
        case MEM_USABLE:
        case MEM_BOOT:
            direct_add(&last, s->lo, s->hi, LEAF_RW);
            break;
        case MEM_IMAGE:
            direct_add(&last, s->lo, data_lo, LEAF_R);
            direct_add(&last, data_lo, data_hi, LEAF_RW);
            direct_add(&last, data_hi, s->hi, LEAF_R);
            break;
        case MEM_ACPI: { // not RAM of ours: its pages may be shared with a neighbour, whose page is mapped
                         // already then
            uint64_t lo = s->lo & ~(uint64_t)(PAGE_SIZE - 1),
                     hi = (s->hi + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
            direct_add(&last, lo < last.hi ? last.hi : lo, hi, LEAF_R);
            break;
        }
        default:
            break;
        }
    }
    direct_add(&last, UINT64_MAX - 1, UINT64_MAX, 0); // pushes the last piece out
}

void paging_init(const BootInfo *bi) {
    image_phys = bi->image_phys;
    pte_nx = cpu_features.nx ? PTE_NX : 0;
    if (!pte_nx) rt_printf("this CPU cannot forbid execution: data is executable\n");
    root = frame_alloc(1);
    if (!root) kernel_throw("no usable memory below 4 GiB");
    map_image();
    map_direct();
    paging_load();
    direct_base = DIRECT_BASE;
}

// ---- this core

uint64_t paging_cr4(void) {
    uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (cpu_features.la57_active) cr4 |= CR4_LA57;
    if (cpu_features.smep) cr4 |= CR4_SMEP;
    if (cpu_features.umip) cr4 |= CR4_UMIP;
    if (cpu_features.xsave) cr4 |= CR4_OSXSAVE;
    return cr4;
}

void paging_load(void) {
    // PAT as after reset, but entry 1 is write-combining instead of write-through; nothing was mapped by it
    // before.
    const uint64_t pat = 0x0007040600070106ull;
    if (pte_nx) cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_NXE);
    cpu_wrmsr(MSR_PAT, pat);
    // CR4 whole: what firmware left on (PCID, global pages, CET, SMAP) is off, so that writing CR3 flushes
    // everything.
    cpu_write_cr4(paging_cr4());
    cpu_write_cr3(root);
    uint64_t cr0 = cpu_read_cr0() & ~(CR0_EM | CR0_TS | CR0_NW | CR0_CD); // INIT leaves an AP's caches off
    cpu_write_cr0(cr0 | CR0_WP | CR0_NE | CR0_MP);
}

// ---- low memory

bool paging_map_low_trampoline(uint64_t phys) {
    trampoline = phys & ~(uint64_t)(PAGE_SIZE - 1);
    return map_range(trampoline, trampoline, PAGE_SIZE, PTE_LEAF_RX);
}

void paging_unmap_low(void) {
    if (!trampoline) return;
    uint64_t *e = entry_make(trampoline, 1); // exists: allocates nothing
    if (e) *e = 0;
    trampoline = 0;
    vmap_flush_request();
}

// ---- devices and firmware tables

typedef struct {
    uint64_t phys, bytes, virt, leaf;
} MmioRecord;
static MmioRecord mmio_record[64];
static size_t mmio_count;

static void *map_device(uint64_t phys, size_t bytes, uint64_t leaf) {
    uint64_t lo = phys & ~(uint64_t)(PAGE_SIZE - 1), off = phys - lo;
    uint64_t size = (off + bytes + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
    for (size_t i = 0; i < mmio_count; i++) {
        const MmioRecord *r = &mmio_record[i];
        if (r->leaf == leaf && phys >= r->phys && phys + bytes <= r->phys + r->bytes)
            return (void *)(r->virt + (phys - r->phys));
    }
    // Like addresses modulo 2 MiB, so that a framebuffer gets large pages; and a hole behind every region.
    uint64_t virt = (mmio_next + pte_span(2) - 1) & ~(pte_span(2) - 1);
    virt += lo & (pte_span(2) - 1);
    if (virt + size > MMIO_BASE + MMIO_BYTES || !map_range(virt, lo, size, leaf)) return NULL;
    mmio_next = virt + size + PAGE_SIZE;
    if (mmio_count < sizeof mmio_record / sizeof *mmio_record)
        mmio_record[mmio_count++] = (MmioRecord){lo, size, virt, leaf};
    return (void *)(virt + off);
}

static bool addressable(uint64_t phys, size_t bytes) {
    uint64_t limit = 1ull << cpu_features.phys_bits;
    return bytes && phys < limit && bytes <= limit - phys && bytes <= MMIO_BYTES / 2;
}

// The first page of [phys, phys + bytes) whose type is (not) RAM of ours decides.
static bool touches_ram(uint64_t phys, size_t bytes) {
    size_t n;
    const MemSpan *s = frame_spans(&n);
    for (size_t i = 0; i < n; i++)
        if (phys_is_ram(s[i].lo) && phys < s[i].hi && phys + bytes > s[i].lo) return true;
    return false;
}

void *map_mmio(uint64_t phys, size_t bytes, CacheType cache) {
    if (!addressable(phys, bytes) || touches_ram(phys, bytes)) {
        rt_printf("cannot map device registers at 0x%lx + 0x%lx: %s\n", (unsigned long)phys,
                  (unsigned long)bytes, addressable(phys, bytes) ? "RAM is there" : "not addressable");
        return NULL;
    }
    return map_device(phys, bytes, LEAF_RW | leaf_cache(cache));
}

const uint8_t *map_acpi(uint64_t phys, size_t bytes) {
    if (!addressable(phys, bytes)) return NULL;
    const uint8_t *direct = (const uint8_t *)(DIRECT_BASE + phys);
    bool all = true;
    for (uint64_t p = phys & ~(uint64_t)(PAGE_SIZE - 1); all && p < phys + bytes; p += PAGE_SIZE)
        all = paging_readable(DIRECT_BASE + p);
    // Elsewhere (ROM, RAM that the map calls reserved) write-back lets the CPU's own range registers decide.
    return all ? direct : map_device(phys, bytes, LEAF_R);
}

// ---- stacks

uintptr_t map_kernel_stack(int cpu, StackKind kind, size_t bytes) {
    if (bytes % PAGE_SIZE || bytes > KSTACK_SLOT - PAGE_SIZE) kernel_throw("kernel stack of impossible size");
    uintptr_t lo = KSTACK_BASE + ((uint64_t)cpu * KSTACK_SLOTS + kind) * KSTACK_SLOT +
                   PAGE_SIZE; // the page below stays unmapped
    for (size_t at = 0; at < bytes; at += PAGE_SIZE) {
        uint64_t frame = frame_alloc(1);
        if (!frame || !map_range(lo + at, frame, PAGE_SIZE, LEAF_RW)) return 0;
    }
    return lo + bytes;
}
