// efi_reset.c -- EFI ResetSystem in page tables made for it alone.
//
// Runtime services were written for a machine whose memory is identity mapped, writable and executable: all
// that W^X forbids. So they get their own tables: the first 4 GiB (devices and flash included, which the
// services use without telling) and every runtime range above, identity mapped, and one page more: the one
// that holds efi_reset_call, at the image's address, so that the instruction after the change of tables is
// there. The kernel's own tables never map a byte of this.
//
// Firmware is known to need more stack than any kernel stack here has: it gets STACK_FRAMES of its own. No
// exception handler is mapped, so a fault in the firmware resets the machine, which is near enough to what
// was asked.
#include "kernel/efi_reset.h"
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"

enum {
    STACK_FRAMES = 32,
    LEAF_LARGE = 0x80,
    LEAF = 0x3,
    ENTRIES = 512
}; // leaf: present, writable, executable
#define LARGE    (2ull << 20)
#define FOUR_GIB (4ull << 30)
#define ADDR     0x000ffffffffff000ull

void efi_reset_call(uint64_t cr3, uint64_t stack_top, uint64_t reset_system, uint64_t kind); // efi_call.asm
extern char efi_reset_call_end[];

static uint64_t tables, stack_top, reset_system; // physical; tables 0: not available

// The entry for `addr` at `level` (1: 4 KiB, 2: 2 MiB), making the tables above it. NULL: no memory, or a
// larger page is in the way.
static uint64_t *entry_make(uint64_t addr, int level) {
    uint64_t table = tables;
    for (int l = cpu_features.la57_active ? 5 : 4;; l--) {
        uint64_t *e = (uint64_t *)phys_to_virt(table) + (addr >> (12 + 9 * (l - 1))) % ENTRIES;
        if (l == level) return e;
        if (!*e) {
            uint64_t frame = frame_alloc(1);
            if (!frame) return NULL;
            *e = frame | LEAF;
        }
        if (*e & LEAF_LARGE) return NULL;
        table = *e & ADDR;
    }
}

static bool map_identity(uint64_t lo, uint64_t hi) {
    for (uint64_t at = lo & ~(LARGE - 1); at < hi; at += LARGE) {
        uint64_t *e = entry_make(at, 2);
        if (!e) return false;
        if (!*e) *e = at | LEAF | LEAF_LARGE;
    }
    return true;
}

// Replaces one page of the identity mapping by the page of the image that holds efi_reset_call.
static bool map_call_page(void) {
    uint64_t virt = (uint64_t)efi_reset_call & ~(uint64_t)(PAGE_SIZE - 1);
    uint64_t region = virt & ~(LARGE - 1);
    uint64_t frame = frame_alloc(1), *pd = entry_make(virt, 2);
    if (!frame || !pd) return false;
    uint64_t *pt = phys_to_virt(frame);
    for (uint64_t i = 0; i < ENTRIES; i++)
        pt[i] = (region + i * PAGE_SIZE) | LEAF;
    pt[virt / PAGE_SIZE % ENTRIES] = virt_to_phys((void *)virt) | LEAF;
    *pd = frame | LEAF;
    return true;
}

static bool overlaps(uint64_t lo, uint64_t hi, uint64_t page) {
    return lo < page + PAGE_SIZE && hi > page;
}

// NULL: built. Otherwise the reason why not.
static const char *build(void) {
    size_t n;
    const MemSpan *spans = frame_spans(&n);
    uint64_t call_page = (uint64_t)efi_reset_call & ~(uint64_t)(PAGE_SIZE - 1);
    uint64_t stack = frame_alloc(STACK_FRAMES);
    if (overlaps(stack, stack + STACK_FRAMES * PAGE_SIZE, call_page))
        stack = frame_alloc(STACK_FRAMES); // not identity mapped there
    tables = frame_alloc(1);
    if (!tables || !stack) return "no memory";
    stack_top = stack + STACK_FRAMES * PAGE_SIZE;
    if (tables >= FOUR_GIB || stack_top > FOUR_GIB) return "no memory below 4 GiB";
    if (!map_identity(0, FOUR_GIB)) return "no memory";
    for (size_t i = 0; i < n; i++) {
        if (spans[i].type != MEM_EFI_RUNTIME) continue;
        if (overlaps(spans[i].lo, spans[i].hi, call_page)) return "the firmware lies where our call does";
        if (!map_identity(spans[i].lo, spans[i].hi)) return "no memory";
    }
    return map_call_page() ? NULL : "no memory";
}

void efi_reset_init(const BootInfo *bi) {
    if (!bi->efi_reset_system) return;
    const char *why = build();
    if (why) {
        rt_printf("power: EFI shutdown not usable: %s\n", why);
        tables = 0;
    }
    reset_system = bi->efi_reset_system;
}

void efi_shutdown(void) {
    enum { RESET_SHUTDOWN = 2 };
    if (!tables) return;
    efi_reset_call(tables, stack_top, reset_system, RESET_SHUTDOWN);
}
