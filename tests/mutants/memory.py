"""memory.py -- protections of: the page allocator, mappings, the machine below."""
from .kinds import BROKE, FAILED, Mutant, booted, unit

MUTANTS = [
    # ---- memory
    Mutant("page-double-free", "rt/page_tree.c",
           "    if (!bits_all_clear(z->free, i, n)) return false;\n",
           "    (void)bits_all_clear;\n",
           unit("test_page"), "expected"),
    Mutant("segment-double-free", "rt/stackseg.c",
           "    if (bits & mine) {",
           "    if (0) {",
           unit("test_stackseg"), "expected an error"),
    Mutant("near-first", "rt/page.c",
           "return near == 0 ? turn == 0 : (PAGE_NEAR(z->node) == near) == (turn == 0);", "return turn == 0;",
           unit("test_page"), "expected"),
    Mutant("far-page-kept", "rt/page.c",
           "    if (unlikely(h->nodes > 1) && is_far(h, c, page)) {", "    (void)is_far;\n    if (0) {",
           unit("test_page"), "expected"),
    Mutant("spurious-in-service", "kernel/irq.c",
           "        if (apic_in_service(VEC_SPURIOUS)) apic_eoi();", "",
           booted("metal-t_storm", smp=4), "^FAIL|does not hold|^run: timeout after"),
    Mutant("counter-turns", "kernel/x86/counter.c",
           "cas(&seen, &old, now);", "(void)old;",
           booted("metal-t_machine", smp=2, line="TESTTSC=1 5 4 6000", qemu="-machine hpet=off"), "is .*, expected|does not hold|^run: timeout after"),
    Mutant("tlb-flush", "kernel/mem/vmap.c",
           "    cpu_write_cr3(cpu_read_cr3());           // no global pages, no PCID: drops everything\n",
           "",
           booted("metal-t_vmap"), BROKE),
    Mutant("data-not-executable", "kernel/mem/paging.c",
           "#define LEAF_RW (PTE_LEAF_RX | PTE_W | pte_nx)\n",
           "#define LEAF_RW (PTE_LEAF_RX | PTE_W)\n",
           booted("metal-t_wx"), FAILED),
]
