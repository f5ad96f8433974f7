// handoff.c -- from the firmware's address space to the kernel's.
//
// The code that loads CR3 must be mapped, executable, at the same address before and after. The loader's own
// text is that under the firmware's tables, which may forbid execution anywhere else. But the firmware may
// have put it where the image's link addresses lie. Hence two sets of tables and a trampoline outside that
// window:
//
//   loader text --CR3 = bridge--> still loader text --jump--> trampoline --CR3 = final--> kernel_entry
//
//   bridge: the first 4 GiB, and the loader's text wherever it is
//   final:  the first 4 GiB, with the image at its link addresses
//
// Loading only the final tables from a copied trampoline would be simpler, but fails on firmware that maps
// loader data without execute permission.
#include "boot/loader.h"
#include "boot/tables.h"

#define CR4_LA57 (1ull << 12)

// handoff.asm
_Noreturn void handoff_leave(uint64_t bridge, uint64_t final, BootInfo *bi, uint64_t entry, void *trampoline);
extern const uint8_t handoff_leave_end[], handoff_trampoline[], handoff_trampoline_end[];

static uint64_t bridge_root, final_root;
static void *trampoline;

static unsigned paging_levels(void) {
    uint64_t cr4;
    __asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
    return cr4 & CR4_LA57 ? 5 : 4;
}

void handoff_prepare(const BootInfo *bi) {
    TablePool pool = {memory_low(BOOT_TABLE_PAGES, EfiLoaderData, "boot page tables"), 0, BOOT_TABLE_PAGES};
    unsigned levels = paging_levels();
    uint64_t text = (uint64_t)handoff_leave & ~(LARGE_PAGE - 1);
    uint64_t text_bytes = (uint64_t)handoff_leave_end - text;

    uint64_t *bridge = tables_identity(&pool, levels);
    uint64_t *final = tables_identity(&pool, levels);
    if (!bridge || !final || !tables_map(&pool, bridge, levels, text, text, text_bytes) ||
        !tables_map(&pool, final, levels, IMAGE_BASE, bi->image_phys, bi->image_bytes))
        boot_fail("more than %u pages of boot page tables needed", (uint64_t)BOOT_TABLE_PAGES);
    bridge_root = (uint64_t)bridge;
    final_root = (uint64_t) final;

    trampoline = memory_low(1, EfiLoaderData, "the trampoline");
    BS->CopyMem(trampoline, (void *)handoff_trampoline, (UINTN)(handoff_trampoline_end - handoff_trampoline));
}

void handoff_jump(BootInfo *bi, uint64_t entry) {
    handoff_leave(bridge_root, final_root, bi, entry, trampoline);
}
