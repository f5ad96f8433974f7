// test_boot.c -- the parts of the loader that know no firmware: ELF checks, memory map, boot page tables, command lines.
//
// Files and strings lie in memory of exactly their size, so that AddressSanitizer sees a read beyond them.
#include "test.h"
#include "boot/elfcheck.c"
#include "boot/memrange.h"
#include "boot/tables.c"
#include "boot/text.c"

// ---- ELF checks
enum { FILE_BYTES = 0x4000, PHDRS = 5 };

static Elf64_Phdr *phdr(uint8_t *file, int i) { return (Elf64_Phdr *)(file + sizeof(Elf64_Ehdr)) + i; }

// Text, rodata, a note, data with bss, a blob: the shape that boot/image.ld gives.
static uint8_t *good_file(void) {
    uint8_t *file = calloc(1, FILE_BYTES);
    Elf64_Ehdr *h = (Elf64_Ehdr *)file;
    memcpy(h->e_ident, ELFMAG, SELFMAG);
    h->e_ident[EI_CLASS] = ELFCLASS64;
    h->e_ident[EI_DATA] = ELFDATA2LSB;
    h->e_type = ET_EXEC;
    h->e_machine = EM_X86_64;
    h->e_entry = IMAGE_BASE + 0x10;
    h->e_phoff = sizeof *h;
    h->e_phentsize = sizeof(Elf64_Phdr);
    h->e_phnum = PHDRS;
    static const Elf64_Phdr good[PHDRS] = {
        {PT_LOAD, PF_R | PF_X, 0x1000, IMAGE_BASE, IMAGE_BASE, 0xfff, 0xfff, 0x1000},
        {PT_LOAD, PF_R, 0x2000, IMAGE_BASE + 0x1000, IMAGE_BASE + 0x1000, 0x100, 0x100, 0x1000},
        {PT_NOTE, PF_R, 0x2000, IMAGE_BASE + 0x1000, IMAGE_BASE + 0x1000, 0x40, 0x40, 4},
        {PT_LOAD, PF_R | PF_W, 0x3000, IMAGE_BASE + 0x2000, IMAGE_BASE + 0x2000, 8, 0x5001, 0x1000},
        {PT_LOAD, PF_R, 0x3000, IMAGE_BASE + 0x8000, IMAGE_BASE + 0x8000, 0x1000, 0x1000, 0x1000},
    };
    memcpy(phdr(file, 0), good, sizeof good);
    return file;
}

static void elf_good(void) {
    uint8_t *file = good_file();
    ImageLayout layout;
    CHECK_PTR(elf_check(file, FILE_BYTES, &layout), NULL);
    CHECK_EQ(layout.count, 4);
    CHECK_EQ(layout.bytes, 0x9000);
    CHECK_EQ(layout.entry, IMAGE_BASE + 0x10);
    CHECK_EQ(layout.segments[2].offset, 0x3000);
    CHECK_EQ(layout.segments[2].file_bytes, 8);
    CHECK_EQ(layout.segments[2].memory_bytes, 0x5001);
    free(file);
}

// One field of a good file gets a wrong value: the check must say `want`.
#define ELF_REFUSED(place, value, want)                                                                      \
    do {                                                                                                     \
        uint8_t *file = good_file();                                                                         \
        Elf64_Ehdr *h = (Elf64_Ehdr *)file;                                                                  \
        Elf64_Phdr *p = phdr(file, 0);                                                                       \
        ImageLayout layout;                                                                                  \
        (void)h, (void)p;                                                                                    \
        place = value;                                                                                       \
        CHECK_STR(elf_check(file, FILE_BYTES, &layout), want);                                               \
        free(file);                                                                                          \
    } while (0)

static void elf_refused(void) {
    ELF_REFUSED(h->e_ident[0], 0, "not an ELF file");
    ELF_REFUSED(h->e_ident[EI_CLASS], ELFCLASS32, "not an ELF file for x86-64");
    ELF_REFUSED(h->e_machine, EM_386, "not an ELF file for x86-64");
    ELF_REFUSED(h->e_type, ET_DYN, "not a statically linked executable");
    ELF_REFUSED(h->e_phentsize, 32, "program headers of unknown size");
    ELF_REFUSED(h->e_phnum, 0, "no program headers");
    ELF_REFUSED(h->e_phnum, 0xffff, "program headers beyond the end of the file");
    ELF_REFUSED(h->e_phoff, UINT64_MAX - 8, "program headers beyond the end of the file");
    ELF_REFUSED(h->e_phoff, FILE_BYTES - 8, "program headers beyond the end of the file");
    ELF_REFUSED(h->e_entry, IMAGE_BASE + 0xfff, "an entry point outside its code");
    ELF_REFUSED(h->e_entry, IMAGE_BASE + 0x1000, "an entry point outside its code");
    ELF_REFUSED(h->e_entry, 0, "an entry point outside its code");
    ELF_REFUSED(p[0].p_filesz, 0x1000, "a segment larger in the file than in memory");
    ELF_REFUSED(p[4].p_offset, 0x3001, "a segment beyond the end of the file");
    ELF_REFUSED(p[4].p_offset, UINT64_MAX, "a segment beyond the end of the file");
    ELF_REFUSED(p[1].p_paddr, 0x100000, "a segment with a load address of its own");
    ELF_REFUSED(p[0].p_vaddr = p[0].p_paddr, IMAGE_BASE - 0x1000, "a segment outside the image's address range");
    ELF_REFUSED(p[0].p_vaddr = p[0].p_paddr, IMAGE_BASE + 8, "a segment that is not page aligned");
    ELF_REFUSED(p[4].p_vaddr = p[4].p_paddr, IMAGE_LIMIT, "a segment outside the image's address range");
    ELF_REFUSED(p[4].p_memsz, UINT64_MAX - 0x1000, "a segment outside the image's address range");
    ELF_REFUSED(p[4].p_vaddr = p[4].p_paddr, IMAGE_BASE + 0x7000, "segments that overlap or are out of order");
    ELF_REFUSED(p[0].p_flags, PF_R | PF_W | PF_X, "a segment both writable and executable");
    ELF_REFUSED(p[0].p_type, PT_NULL, "linked to another address");
    ELF_REFUSED(p[2].p_type, PT_INTERP, "not a statically linked executable");
    ELF_REFUSED(p[2].p_type, PT_TLS, "a thread-local segment");
    ELF_REFUSED(p[0].p_type = p[1].p_type = p[3].p_type = p[4].p_type, PT_NOTE, "nothing to load");
}

// Of a cut file, all that is reported good must lie in what is left.
static void elf_truncated(void) {
    uint8_t *whole = good_file();
    for (size_t bytes = 0; bytes < FILE_BYTES; bytes += bytes < 0x200 ? 1 : 0x33) {
        uint8_t *cut = malloc(bytes ? bytes : 1);
        memcpy(cut, whole, bytes);
        ImageLayout layout;
        CHECK(elf_check(cut, bytes, &layout) != NULL);
        free(cut);
    }
    free(whole);
}

static void elf_damaged(void) {
    unsigned accepted = 0;
    for (int round = 0; round < 200000; round++) {
        uint8_t *file = good_file();
        for (uint64_t n = 1 + test_below(3); n > 0; n--)
            file[test_below(sizeof(Elf64_Ehdr) + PHDRS * sizeof(Elf64_Phdr))] = (uint8_t)test_rand();
        ImageLayout layout;
        if (elf_check(file, FILE_BYTES, &layout) == NULL) {
            accepted++;
            uint64_t end = IMAGE_BASE;
            CHECK(layout.count >= 1 && layout.count <= IMAGE_MAX_SEGMENTS);
            for (uint32_t i = 0; i < layout.count; i++) {
                const ImageSegment *s = &layout.segments[i];
                CHECK(s->offset <= FILE_BYTES && s->file_bytes <= FILE_BYTES - s->offset);
                CHECK(s->address >= end && s->file_bytes <= s->memory_bytes);
                end = s->address + s->memory_bytes;
            }
            CHECK(end <= IMAGE_BASE + layout.bytes && IMAGE_BASE + layout.bytes <= IMAGE_LIMIT);
            CHECK(layout.entry >= IMAGE_BASE && layout.entry < end);
        }
        free(file);
    }
    CHECK(accepted > 0); // else the check refuses everything, and this test shows nothing
}

// ---- memory map
static MemRange ranges[8];

static MemMap map_of(const MemRange *from, uint32_t count, uint32_t capacity) {
    memcpy(ranges, from, count * sizeof *from);
    return (MemMap){.ranges = ranges, .count = count, .capacity = capacity};
}

static void check_range(uint32_t i, uint64_t base, uint64_t bytes, MemType type) {
    CHECK_EQ(ranges[i].base, base);
    CHECK_EQ(ranges[i].bytes, bytes);
    CHECK_EQ(ranges[i].type, type);
}

static void carve_middle(void) {
    MemMap map = map_of((MemRange[]){{0, 100, MEM_RESERVED, 0}, {100, 900, MEM_USABLE, 7}, {1000, 5, MEM_ACPI, 0}}, 3, 8);
    CHECK_EQ(memmap_carve(&map, 300, 200, MEM_USABLE, MEM_IMAGE), 200);
    CHECK_EQ(map.count, 5);
    check_range(0, 0, 100, MEM_RESERVED);
    check_range(1, 100, 200, MEM_USABLE);
    check_range(2, 300, 200, MEM_IMAGE);
    check_range(3, 500, 500, MEM_USABLE);
    check_range(4, 1000, 5, MEM_ACPI);
    CHECK_EQ(ranges[2].attr, 7);
}

static void carve_edges(void) {
    MemMap map = map_of((MemRange[]){{100, 900, MEM_USABLE, 0}}, 1, 8);
    CHECK_EQ(memmap_carve(&map, 100, 900, MEM_USABLE, MEM_IMAGE), 900);
    CHECK_EQ(map.count, 1);
    map = map_of((MemRange[]){{100, 900, MEM_USABLE, 0}}, 1, 8);
    CHECK_EQ(memmap_carve(&map, 100, 1, MEM_USABLE, MEM_IMAGE), 1);
    CHECK_EQ(map.count, 2);
    check_range(1, 101, 899, MEM_USABLE);
    map = map_of((MemRange[]){{100, 900, MEM_USABLE, 0}}, 1, 8);
    CHECK_EQ(memmap_carve(&map, 999, 100, MEM_USABLE, MEM_IMAGE), 1);
    CHECK_EQ(map.count, 2);
    check_range(1, 999, 1, MEM_IMAGE);
}

static void carve_several(void) {
    MemMap map = map_of((MemRange[]){{0, 100, MEM_USABLE, 0}, {100, 100, MEM_RESERVED, 0}, {200, 100, MEM_USABLE, 0}}, 3, 8);
    CHECK_EQ(memmap_carve(&map, 50, 200, MEM_USABLE, MEM_IMAGE), 100);
    CHECK_EQ(map.count, 5);
    check_range(1, 50, 50, MEM_IMAGE);
    check_range(2, 100, 100, MEM_RESERVED);
    check_range(3, 200, 50, MEM_IMAGE);
    check_range(4, 250, 50, MEM_USABLE);
}

static void carve_limits(void) {
    MemMap map = map_of((MemRange[]){{0, 1000, MEM_USABLE, 0}}, 1, 2);
    CHECK_EQ(memmap_carve(&map, 300, 100, MEM_USABLE, MEM_IMAGE), 100);
    CHECK_EQ(map.lost, 1); // one part did not fit: it goes unused, the image keeps its type
    CHECK_EQ(map.count, 2);
    check_range(0, 300, 100, MEM_IMAGE);
    check_range(1, 400, 600, MEM_USABLE);

    map = map_of((MemRange[]){{UINT64_MAX - 100, 1000, MEM_USABLE, 0}}, 1, 8); // wraps
    CHECK_EQ(memmap_carve(&map, UINT64_MAX - 50, 10, MEM_USABLE, MEM_IMAGE), 10);
    check_range(1, UINT64_MAX - 50, 10, MEM_IMAGE);

    map = map_of((MemRange[]){{0, 100, MEM_USABLE, 0}}, 1, 8);
    CHECK_EQ(memmap_carve(&map, 100, 10, MEM_USABLE, MEM_IMAGE), 0);
    CHECK_EQ(map.count, 1);
}

static void full_table_keeps_the_most(void) {
    MemMap map = {.ranges = ranges, .capacity = 6, .spare = 2, .keep_base = 1000, .keep_bytes = 10};
    memmap_add(&map, (MemRange){1000, 20, MEM_USABLE, 0}); // the image's, however small
    memmap_add(&map, (MemRange){2000, 300, MEM_USABLE, 0});
    memmap_add(&map, (MemRange){3000, 100, MEM_USABLE, 0});
    memmap_add(&map, (MemRange){4000, 200, MEM_USABLE, 0});
    CHECK_EQ(map.lost, 0);
    memmap_add(&map, (MemRange){5000, 100, MEM_USABLE, 0}); // not better than what is there
    CHECK(map.lost == 1 && map.lost_bytes == 100);
    memmap_add(&map, (MemRange){6000, 5000, MEM_USABLE, 0}); // better than 100 at 3000
    CHECK(map.lost == 2 && map.lost_bytes == 200);
    memmap_add(&map, (MemRange){4050, 5, MEM_RESERVED, 0}); // a claim beats any memory: the 200 go
    CHECK(map.lost == 3 && map.lost_bytes == 400 && map.lost_claims == 0);
    check_range(0, 1000, 20, MEM_USABLE);
    check_range(1, 2000, 300, MEM_USABLE);
    check_range(2, 6000, 5000, MEM_USABLE);
    check_range(3, 4050, 5, MEM_RESERVED);
    CHECK_EQ(memmap_carve(&map, 1000, 10, MEM_USABLE, MEM_IMAGE), 10); // has its entry
    CHECK(map.count == 5 && map.lost == 3);
    for (int i = 0; i < 4; i++)
        memmap_add(&map, (MemRange){2000, 5, MEM_RESERVED, 0});
    CHECK(map.lost == 7 && map.lost_claims == 1 && map.lost_bytes == 400 + 10 + 300 + 5000); // claims are all there is
}

static void covers(void) {
    MemMap map = map_of((MemRange[]){{500, 500, MEM_USABLE, 0}, {100, 300, MEM_USABLE, 0}, {100, 300, MEM_USABLE, 0}, {350, 150, MEM_USABLE, 0}}, 4, 8);
    CHECK(memmap_covers(&map, 100, 900, MEM_USABLE));
    CHECK(!memmap_covers(&map, 99, 10, MEM_USABLE));
    CHECK(!memmap_covers(&map, 100, 901, MEM_USABLE));
    CHECK(!memmap_covers(&map, 100, 900, MEM_BOOT));
    // As many bytes as asked for, but named twice and with a hole.
    map = map_of((MemRange[]){{100, 100, MEM_USABLE, 0}, {100, 100, MEM_USABLE, 0}, {300, 10, MEM_USABLE, 0}}, 3, 8);
    CHECK(!memmap_covers(&map, 100, 200, MEM_USABLE));
    map = map_of((MemRange[]){{UINT64_MAX - 100, 1000, MEM_USABLE, 0}}, 1, 8);
    CHECK(memmap_covers(&map, UINT64_MAX - 50, 40, MEM_USABLE));
}

// ---- boot page tables
#define UNMAPPED UINT64_MAX

// What the processor would make of an address.
static uint64_t walk(const uint64_t *root, unsigned levels, uint64_t virt) {
    const uint64_t *table = root;
    for (unsigned level = levels;; level--) {
        uint64_t entry = table[virt >> (12 + 9 * (level - 1)) & 511];
        if (!(entry & 1)) return UNMAPPED;
        CHECK(entry & 2);
        CHECK(!(entry >> 63)); // NX may not be enabled yet
        if (level == 2) {
            CHECK(entry & 0x80);
            return (entry & PTE_ADDRESS & ~(LARGE_PAGE - 1)) | (virt & (LARGE_PAGE - 1));
        }
        table = (const uint64_t *)(entry & PTE_ADDRESS);
    }
}

static TablePool pool_of(uint32_t pages) {
    uint64_t *p = aligned_alloc(4096, pages * 4096);
    memset(p, 0, pages * 4096);
    return (TablePool){p, 0, pages};
}

static void tables_both_sets(void) {
    for (unsigned levels = 4; levels <= 5; levels++) {
        TablePool pool = pool_of(BOOT_TABLE_PAGES);
        uint64_t *bridge = tables_identity(&pool, levels), *final = tables_identity(&pool, levels);
        uint64_t text = 0x23456600000, image = 0x987600000, bytes = 5 * LARGE_PAGE + 4096;
        CHECK(tables_map(&pool, bridge, levels, text, text, LARGE_PAGE + 1));
        CHECK(tables_map(&pool, final, levels, IMAGE_BASE, image, bytes));

        for (uint64_t at = 0; at < 1ull << 32; at += LARGE_PAGE) {
            bool in_image = at >= IMAGE_BASE && at < IMAGE_BASE + 6 * LARGE_PAGE;
            CHECK_EQ(walk(bridge, levels, at + 0x123), at + 0x123);
            CHECK_EQ(walk(final, levels, at), in_image ? image + at - IMAGE_BASE : at);
        }
        CHECK_EQ(walk(bridge, levels, 1ull << 32), UNMAPPED);
        CHECK_EQ(walk(bridge, levels, text + LARGE_PAGE), text + LARGE_PAGE);
        CHECK_EQ(walk(bridge, levels, text + 2 * LARGE_PAGE), UNMAPPED);
        CHECK_EQ(walk(final, levels, text), UNMAPPED);
        CHECK(pool.used <= pool.capacity);
        free(pool.pages);
    }
}

static void tables_pool_empty(void) {
    for (uint32_t pages = 1; pages < 6; pages++) {
        TablePool pool = pool_of(pages);
        CHECK_PTR(tables_identity(&pool, 4), NULL);
        free(pool.pages);
    }
}

// ---- command lines
static char line[32];

static TextResult options(const void *bytes, size_t n) {
    uint8_t *exact = malloc(n ? n : 1);
    memcpy(exact, bytes, n);
    memset(line, 'x', sizeof line);
    TextResult result = text_from_load_options(exact, n, line, sizeof line);
    free(exact);
    return result;
}

static TextResult file(const char *bytes, size_t n) {
    uint8_t *exact = malloc(n ? n : 1);
    memcpy(exact, bytes, n);
    memset(line, 'x', sizeof line);
    TextResult result = text_from_file(exact, n, line, sizeof line);
    free(exact);
    return result;
}

static void load_options(void) {
    CHECK_EQ(options(u"GOGC=50 a", 18), TEXT_OK);
    CHECK_STR(line, "GOGC=50 a");
    CHECK_EQ(options(u"x\0\0", 6), TEXT_OK); // one character: neither a byte string nor binary
    CHECK_STR(line, "x");
    CHECK_EQ(options(u"\u00e4 \u20ac \U0001f600", 12), TEXT_OK);
    CHECK_STR(line, "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
    CHECK_EQ(options("GOGC=50", 7), TEXT_OK); // as some boot managers store it
    CHECK_STR(line, "GOGC=50");
    CHECK_EQ(options("GOGC=50\0", 9), TEXT_OK);
    CHECK_STR(line, "GOGC=50");
    CHECK_EQ(options("", 0), TEXT_OK);
    CHECK_STR(line, "");
    CHECK_EQ(options("\0\0\0\0", 4), TEXT_OK);
    CHECK_STR(line, "");

    CHECK_EQ(options("\x4e\xac\x08\x81\x11\x9f\x59\x4d\x85\x0e\xe2\x1a\x52\x2c\x59\xb2", 16), TEXT_BINARY); // a GUID
    CHECK_EQ(options("\x3d\xd8 \0", 4), TEXT_BINARY);                                                     // half a pair
    CHECK_EQ(options("\0\xde", 2), TEXT_BINARY);
    CHECK_EQ(options("\x61\0\x07\0", 4), TEXT_BINARY);
    CHECK_EQ(options("\x61\0\x62\0\x80", 5), TEXT_BINARY);

    CHECK_EQ(options(u"1234567890123456789012345678901", 62), TEXT_OK);
    CHECK_EQ(strlen(line), 31);
    CHECK_EQ(options(u"12345678901234567890123456789012", 64), TEXT_TOO_LONG);
    CHECK_EQ(options("12345678901234567890123456789012", 32), TEXT_TOO_LONG);
    CHECK_EQ(options(u"123456789012345678901234567890\u00e4", 62), TEXT_TOO_LONG);
}

static void text_files(void) {
    CHECK_EQ(file("GOGC=50\r\n a \n\n", 14), TEXT_OK);
    CHECK_STR(line, "GOGC=50   a");
    CHECK_EQ(file("\xef\xbb\xbf\xc3\xa4\n", 6), TEXT_OK);
    CHECK_STR(line, "\xc3\xa4");
    CHECK_EQ(file("", 0), TEXT_OK);
    CHECK_STR(line, "");
    CHECK_EQ(file("\n\n", 2), TEXT_OK);
    CHECK_STR(line, "");
    CHECK_EQ(file("a\0b", 3), TEXT_BINARY);
    CHECK_EQ(file("\xff\xfe" "a\0", 4), TEXT_BINARY);
    CHECK_EQ(file("1234567890123456789012345678901\n", 32), TEXT_OK);
    CHECK_EQ(file("12345678901234567890123456789012", 32), TEXT_TOO_LONG);
}

static void program_names(void) {
    CHECK_STR(text_skip_program("BOOTX64.EFI GOGC=50 a", false), "GOGC=50 a");
    CHECK_STR(text_skip_program("fs0:\\sub\\app.efi", false), "");
    CHECK_STR(text_skip_program("\"a b.efi\"  c", false), "c");
    CHECK_STR(text_skip_program("GOGC=50 a.efi", false), "GOGC=50 a.efi");
    CHECK_STR(text_skip_program("app GOGC=50", true), "GOGC=50");
    CHECK_STR(text_skip_program("\"app", true), "");
    CHECK_STR(text_skip_program("", true), "");
    CHECK_STR(text_skip_program("efi", false), "efi");
}

int main(void) {
    RUN(elf_good);
    RUN(elf_refused);
    RUN(elf_truncated);
    RUN(elf_damaged);
    RUN(carve_middle);
    RUN(carve_edges);
    RUN(carve_several);
    RUN(carve_limits);
    RUN(full_table_keeps_the_most);
    RUN(covers);
    RUN(tables_both_sets);
    RUN(tables_pool_empty);
    RUN(load_options);
    RUN(text_files);
    RUN(program_names);
    return test_done();
}
