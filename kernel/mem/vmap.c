// vmap.c -- consecutive addresses for scattered frames (plat_vmap), and taking them away again without
// waiting for anybody.
//
// Problem. After plat_vunmap other cores may still reach the frames through their TLBs, so frames, addresses
// and page tables must not be used for anything else until every core has flushed. Waiting for that would
// stop the caller, and would deadlock if two cores waited for each other with interrupts off.
//
// Idea: a generation counter, and quarantine instead of waiting. plat_vunmap makes the entries not present
// but leaves the frame numbers in them, and queues the range under the number of the *next* flush generation.
// A generation is begun by raising tlb_request and sending VEC_TLB; each core answers, when it can, by
// reading tlb_request, flushing, and publishing what it had read in its tlb_ack. A range whose generation all
// cores have acknowledged is taken apart: its frames go to page_free, its addresses back to a free list. One
// generation is under way at a time; what is unmapped meanwhile waits for the next one and shares its
// interrupts. Whoever comes by does the work: the next plat_vmap or plat_vunmap, or a core about to idle. On
// one core all happens at once.
//
// Why it is sound.
//   - Core A clears entries, then (under the lock) tags the range tlb_request + 1. Somebody raises
//     tlb_request to that number under the lock, hence after the clearing. Core B reads the number (acquire),
//     so sees the cleared entries, and then flushes: afterwards its TLB holds nothing from before. B's ack
//     (release) pairs with acked_by_all (acquire): its earlier accesses through the mapping are over when the
//     frames are freed. Not-present entries are never cached, so mapping needs no flush.
//   - A core acknowledges with interrupts off, so that its ack never goes back to an older number.
//   - Page tables. A table whose entries are all not present is unlinked in the same critical section by
//     clearing the P bit of the entry that names it, keeping its address; mapping into it again sets the bit
//     again. Its memory is freed when its last quarantined entry is erased: at that moment it has been
//     unlinked at least since that range's generation (any later mapping into it would be another entry), and
//     that generation is acknowledged, so no core's paging-structure cache knows it. Entries are born
//     accessed and dirty: the CPU never writes to a table. Tables above the last level (one for each GiB of
//     arena ever used) stay.
//   - Nobody waits, and the lock is held for one page table (512 entries) at most.
//   - Cores that are not online have no TLB entries of the arena: they are ignored (they flush in paging_load
//     before they go online, and cores go online before rt_main). Parked cores halt with interrupts on and
//     answer.
//
// Addresses. Ranges are powers of two in pages, aligned to their size, from a bump pointer and one free list
// per size; virtual space is 16 TiB, so rounding up costs nothing. A range holds one entry more than the
// object: never present, it is the guard page, and keeps the address of the range's record, so that
// plat_vunmap finds it and rejects what it does not know.
//
// Lock: vmap_lock (RANK_VMAP) guards everything below and all entries of the arena. It ranks above the page
// allocator's, so pages are taken before and freed after it.
#include "kernel/mem/pte.h"
#include "kernel/mem/layout.h"
#include "kernel/x86/cpu.h"
#include "rt/lock.h"
#include "rt/mem.h"

enum { CLASSES = 33, BATCH = 64, IDLE_BUDGET = 4096 };

typedef struct VRange {
    struct VRange *next; // in free_ranges or quarantine
    uintptr_t addr;
    size_t pages; // of the object; its addresses: 1 << class
    uint64_t tag; // quarantine: the generation that must be acknowledged
    size_t done;  // quarantine: entries already erased
    unsigned class;
    bool live; // mapped, or being mapped
} VRange;

static Lock vmap_lock = LOCK_INIT(RANK_VMAP);
static VRange *free_ranges[CLASSES];
static VRange *quarantine, *quarantine_last; // tags ascend
static uintptr_t arena_next = VMAP_BASE;
static VRange *record_next, *record_end; // records are made page by page, and stay with their addresses

static _Atomic uint64_t tlb_request; // latest generation begun; written under the lock
static _Atomic size_t quarantined;   // ranges in quarantine; read without the lock as a hint

// ---- generations

static void flush_self(Cpu *cpu) {
    bool on = cpu_irq_save();
    uint64_t r = load_acquire(&tlb_request); // pairs with the release in generation_begin
    cpu_write_cr3(cpu_read_cr3());           // no global pages, no PCID: drops everything
    store_release(&cpu->tlb_ack, r);         // pairs with acked_by_all
    cpu_irq_restore(on);
}

void vmap_irq(Cpu *cpu) {
    flush_self(cpu);
}
void vmap_core_online(Cpu *cpu) {
    flush_self(cpu);
}

static uint64_t acked_by_all(void) {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < cpus_up; i++) {
        if (!load_acquire(&cpus[i]->online)) continue;
        uint64_t a = load_acquire(&cpus[i]->tlb_ack); // pairs with flush_self
        if (a < least) least = a;
    }
    return least;
}

static void kick_others(void) {
    const Cpu *self = cpu_self();
    for (int i = 0; i < cpus_up; i++)
        if (cpus[i] != self && load_relaxed(&cpus[i]->online)) apic_ipi(cpus[i]->apic_id, VEC_TLB);
}

// Begins a generation if ranges wait for one and none is under way.
static void generation_begin(void) {
    if (load_relaxed(&quarantined) == 0) return;
    bool begin = false;
    lock_acquire(&vmap_lock);
    uint64_t r = load_relaxed(&tlb_request);
    if (quarantine && quarantine_last->tag > r && acked_by_all() >= r) {
        store_release(&tlb_request, r + 1); // pairs with flush_self
        begin = true;
    }
    lock_release(&vmap_lock);
    if (!begin) return;
    kick_others();
    flush_self(cpu_self());
}

void vmap_flush_request(void) {
    lock_acquire(&vmap_lock);
    store_release(&tlb_request, load_relaxed(&tlb_request) + 1);
    lock_release(&vmap_lock);
    kick_others();
    flush_self(cpu_self());
}

// ---- page tables of the arena; vmap_lock held

typedef struct Spare {
    struct Spare *next;
} Spare; // pages taken before the lock

static uint64_t *spare_table(Spare **spare) {
    Spare *s = *spare;
    *spare = s->next;
    uint64_t *table = (uint64_t *)s;
    for (unsigned i = 0; i < PTES; i++)
        table[i] = 0;
    return table;
}

// The entry that names the last-level table of addr; tables above are made from spares (NULL: none are made).
static uint64_t *pde_of_locked(uintptr_t addr, Spare **spare) {
    uint64_t *table = phys_to_virt(paging_root());
    for (int l = paging_levels(); l > 2; l--) {
        uint64_t *e = &table[pte_index(addr, l)];
        if (!(*e & PTE_P)) {
            if (!spare) return NULL;
            *e = virt_to_phys(spare_table(spare)) | PTE_TABLE;
        }
        table = pte_table(*e);
    }
    return &table[pte_index(addr, 2)];
}

static bool table_has(const uint64_t *table, uint64_t bits) {
    uint64_t any = 0;
    for (unsigned i = 0; i < PTES; i++)
        any |= table[i] & bits;
    return any != 0;
}

// Entries [from, to) of range r that lie in one table: how far the table reaches.
static size_t chunk_end(const VRange *r, size_t from, size_t to) {
    size_t in_table = PTES - pte_index(r->addr + from * PAGE_SIZE, 1);
    return to - from < in_table ? to : from + in_table;
}

static void map_chunk_locked(const VRange *r, size_t from, size_t to, void *const *frames, Spare **spare) {
    uintptr_t addr = r->addr + from * PAGE_SIZE;
    uint64_t *pde = pde_of_locked(addr, spare);
    if (!(*pde & PTE_ADDR)) *pde = virt_to_phys(spare_table(spare));
    *pde |= PTE_TABLE;
    uint64_t *e = &pte_table(*pde)[pte_index(addr, 1)];
    for (size_t i = from; i < to; i++, e++) {
        if (*e) kernel_throw("vmap: address in use");
        *e = i < r->pages ? virt_to_phys(frames[i]) | PTE_LEAF_RX | PTE_W | pte_nx : (uint64_t)r;
    }
}

static void unmap_chunk_locked(const VRange *r, size_t from, size_t to) {
    uintptr_t addr = r->addr + from * PAGE_SIZE;
    uint64_t *pde = pde_of_locked(addr, NULL), *table = pte_table(*pde);
    uint64_t *e = &table[pte_index(addr, 1)];
    for (size_t i = from; i < to; i++)
        *e++ &= ~PTE_P;
    if (!table_has(table, PTE_P)) *pde &= ~PTE_P; // unlinked, address kept
}

// Erases entries of an acknowledged range and hands out their frames, and the table if that leaves it empty.
static size_t erase_chunk_locked(const VRange *r, size_t from, size_t to, void **frames) {
    uintptr_t addr = r->addr + from * PAGE_SIZE;
    uint64_t *pde = pde_of_locked(addr, NULL), *table = pte_table(*pde);
    uint64_t *e = &table[pte_index(addr, 1)];
    size_t n = 0;
    for (size_t i = from; i < to; i++, e++) {
        if (i < r->pages) frames[n++] = phys_to_virt(*e & PTE_ADDR);
        *e = 0;
    }
    if (!table_has(table, ~0ull)) {
        *pde = 0;
        frames[n++] = table;
    }
    return n;
}

// ---- taking ranges apart

// The first range of the quarantine that all cores have let go, now owned by the caller; NULL: none.
static VRange *quarantine_take(void) {
    if (load_relaxed(&quarantined) == 0) return NULL;
    uint64_t acked = acked_by_all();
    lock_acquire(&vmap_lock);
    VRange *r = quarantine;
    if (r && r->tag <= acked) {
        quarantine = r->next;
        fetch_add(&quarantined, (size_t)-1);
    } else {
        r = NULL;
    }
    lock_release(&vmap_lock);
    return r;
}

static void quarantine_put_back(VRange *r) {
    lock_acquire(&vmap_lock);
    r->next = quarantine; // in front: its tag is acknowledged
    if (!quarantine) quarantine_last = r;
    quarantine = r;
    fetch_add(&quarantined, 1);
    lock_release(&vmap_lock);
}

// Frees up to `budget` frames of acknowledged ranges. True: some were freed.
static bool recycle(size_t budget) {
    void *frames[BATCH + 1];
    bool any = false;
    VRange *r;
    while (budget && (r = quarantine_take()) != NULL) {
        const size_t entries = r->pages + 1;
        while (r->done < entries && budget) {
            size_t to = chunk_end(r, r->done, entries);
            if (to - r->done > BATCH) to = r->done + BATCH;
            lock_acquire(&vmap_lock);
            size_t n = erase_chunk_locked(r, r->done, to, frames);
            lock_release(&vmap_lock);
            r->done = to;
            for (size_t i = 0; i < n; i++)
                page_free(frames[i], 1);
            budget -= n < budget ? n : budget;
            any = true;
        }
        if (r->done < entries) {
            quarantine_put_back(r);
            break;
        }
        lock_acquire(&vmap_lock);
        r->next = free_ranges[r->class];
        free_ranges[r->class] = r;
        lock_release(&vmap_lock);
    }
    return any;
}

bool vmap_idle(Cpu *cpu) {
    if (load_relaxed(&cpu->tlb_ack) != load_relaxed(&tlb_request)) flush_self(cpu);
    if (load_relaxed(&quarantined) == 0) return false;
    generation_begin();
    return recycle(IDLE_BUDGET);
}

// ---- ranges

static unsigned class_of(size_t entries) {
    unsigned c = 0;
    while (((size_t)1 << c) < entries)
        c++;
    return c;
}

// vmap_lock held. A spare becomes records when there are none left.
static VRange *range_take_locked(unsigned class, Spare **spare) {
    VRange *r = free_ranges[class];
    if (r) {
        free_ranges[class] = r->next;
        return r;
    }
    uintptr_t bytes = (uintptr_t)PAGE_SIZE << class, addr = (arena_next + bytes - 1) & ~(bytes - 1);
    if (addr + bytes > VMAP_BASE + VMAP_BYTES) return NULL;
    if (record_next == record_end) {
        record_next = (VRange *)spare_table(spare);
        record_end = record_next + PAGE_SIZE / sizeof *record_next;
    }
    arena_next = addr + bytes;
    r = record_next++;
    r->addr = addr;
    r->class = class;
    return r;
}

static void spares_free(Spare *s) {
    while (s) {
        Spare *next = s->next;
        page_free(s, 1);
        s = next;
    }
}

// All pages that mapping n entries can need: a table for each 2 MiB, one for each GiB and each 512 GiB, and
// records.
static Spare *spares_take(size_t entries) {
    size_t pts = (entries + PTES - 1) / PTES, pds = (pts + PTES - 1) / PTES, pdpts = (pds + PTES - 1) / PTES;
    Spare *list = NULL;
    for (size_t i = 0; i < pts + pds + pdpts + 1; i++) {
        Spare *s = page_alloc(1);
        if (!s) {
            spares_free(list);
            return NULL;
        }
        s->next = list;
        list = s;
    }
    return list;
}

void *plat_vmap(void *const *frames, size_t n) {
    const size_t entries = n + 1;
    const unsigned class = class_of(entries);
    if (n == 0 || class >= CLASSES) return NULL;
    generation_begin();
    recycle(IDLE_BUDGET);
    Spare *spare = spares_take(entries);
    if (!spare) return NULL;

    lock_acquire(&vmap_lock);
    VRange *r = range_take_locked(class, &spare);
    lock_release(&vmap_lock);
    if (!r) {
        spares_free(spare);
        return NULL;
    }
    r->pages = n;
    r->live = true;
    for (size_t from = 0, to; from < entries; from = to) {
        to = chunk_end(r, from, entries);
        lock_acquire(&vmap_lock);
        map_chunk_locked(r, from, to, frames, &spare);
        lock_release(&vmap_lock);
    }
    spares_free(spare);
    return (void *)r->addr;
}

// Ends the life of the range that begins at addr; its record is found by the guard entry behind its n pages.
// NULL: no such range.
static VRange *range_claim(uintptr_t addr, size_t n) {
    uintptr_t guard = addr + n * PAGE_SIZE;
    if (addr < VMAP_BASE || addr % PAGE_SIZE || n > VMAP_BYTES / PAGE_SIZE || guard >= VMAP_BASE + VMAP_BYTES)
        return NULL;
    lock_acquire(&vmap_lock);
    uint64_t *pde = pde_of_locked(guard, NULL);
    uint64_t e = pde && *pde & PTE_P ? pte_table(*pde)[pte_index(guard, 1)] : 0;
    VRange *r = e >= DIRECT_BASE && e < VMAP_BASE && e % 8 == 0
                    ? (VRange *)e
                    : NULL; // else nothing, or an entry with a frame
    if (r && r->addr == addr && r->pages == n && r->live)
        r->live = false;
    else
        r = NULL;
    lock_release(&vmap_lock);
    return r;
}

void plat_vunmap(void *addr, size_t n) {
    VRange *r = range_claim((uintptr_t)addr, n);
    if (!r) kernel_throw("plat_vunmap of what plat_vmap did not return");
    const size_t entries = n + 1;
    for (size_t from = 0, to; from < entries; from = to) {
        to = chunk_end(r, from, entries);
        lock_acquire(&vmap_lock);
        unmap_chunk_locked(r, from, to);
        lock_release(&vmap_lock);
    }
    lock_acquire(&vmap_lock);
    r->tag = load_relaxed(&tlb_request) + 1;
    r->done = 0;
    r->next = NULL;
    if (quarantine)
        quarantine_last->next = r;
    else
        quarantine = r;
    quarantine_last = r;
    fetch_add(&quarantined, 1);
    lock_release(&vmap_lock);

    generation_begin();
    recycle(n + IDLE_BUDGET); // at least as much as was added: the quarantine cannot grow for ever
}

bool plat_reclaim(void) {
    generation_begin();
    return recycle(SIZE_MAX);
}
