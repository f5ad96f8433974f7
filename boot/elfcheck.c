// elfcheck.c -- reads the image's ELF headers and trusts none of them.
//
// The image was linked by boot/image.ld, so this accepts that shape and no more: a static x86-64 executable
// whose segments are page aligned, ascending, disjoint, never writable and executable at once, and start at
// IMAGE_BASE. Sums of two numbers from the file are never formed before one of them is known to be small.
#include "boot/elfcheck.h"
#include "boot/bootinfo.h"
#include <elf.h>
#include <stdbool.h>
#include <stddef.h>

#define PAGE 4096ull

static const char *check_header(const Elf64_Ehdr *h, uint64_t bytes) {
    if (h->e_ident[EI_MAG0] != ELFMAG0 || h->e_ident[EI_MAG1] != ELFMAG1 || h->e_ident[EI_MAG2] != ELFMAG2 ||
        h->e_ident[EI_MAG3] != ELFMAG3)
        return "not an ELF file";
    if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_X86_64)
        return "not an ELF file for x86-64";
    if (h->e_type != ET_EXEC) return "not a statically linked executable";
    if (h->e_phentsize != sizeof(Elf64_Phdr)) return "program headers of unknown size";
    if (h->e_phnum == 0) return "no program headers";
    if (h->e_phoff > bytes || h->e_phnum * sizeof(Elf64_Phdr) > bytes - h->e_phoff)
        return "program headers beyond the end of the file";
    return NULL;
}

// `end` is the page-rounded end of the segment before.
static const char *check_segment(const Elf64_Phdr *p, uint64_t bytes, uint64_t end) {
    if (p->p_filesz > p->p_memsz) return "a segment larger in the file than in memory";
    if (p->p_offset > bytes || p->p_filesz > bytes - p->p_offset)
        return "a segment beyond the end of the file";
    if (p->p_vaddr != p->p_paddr) return "a segment with a load address of its own";
    if (p->p_vaddr % PAGE) return "a segment that is not page aligned";
    if (p->p_vaddr < IMAGE_BASE || p->p_vaddr >= IMAGE_LIMIT || p->p_memsz > IMAGE_LIMIT - p->p_vaddr)
        return "a segment outside the image's address range";
    if (p->p_vaddr < end) return "segments that overlap or are out of order";
    if ((p->p_flags & PF_W) && (p->p_flags & PF_X)) return "a segment both writable and executable";
    return NULL;
}

const char *elf_check(const void *file, uint64_t bytes, ImageLayout *layout) {
    Elf64_Ehdr header;
    if (bytes < sizeof header) return "shorter than an ELF header";
    __builtin_memcpy(&header, file, sizeof header);
    const char *wrong = check_header(&header, bytes);
    if (wrong) return wrong;

    uint64_t end = IMAGE_BASE;
    bool entry_found = false;
    layout->count = 0;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr p;
        __builtin_memcpy(&p, (const char *)file + header.e_phoff + i * sizeof p, sizeof p);
        if (p.p_type == PT_DYNAMIC || p.p_type == PT_INTERP) return "not a statically linked executable";
        if (p.p_type == PT_TLS) return "a thread-local segment";
        if (p.p_type != PT_LOAD || p.p_memsz == 0) continue;

        if ((wrong = check_segment(&p, bytes, end))) return wrong;
        if (layout->count == 0 && p.p_vaddr != IMAGE_BASE) return "linked to another address";
        if (layout->count == IMAGE_MAX_SEGMENTS) return "too many segments";
        layout->segments[layout->count++] = (ImageSegment){p.p_offset, p.p_filesz, p.p_vaddr, p.p_memsz};
        if ((p.p_flags & PF_X) && header.e_entry >= p.p_vaddr && header.e_entry - p.p_vaddr < p.p_filesz)
            entry_found = true;
        end = (p.p_vaddr + p.p_memsz + PAGE - 1) / PAGE * PAGE;
    }
    if (layout->count == 0) return "nothing to load";
    if (!entry_found) return "an entry point outside its code";
    layout->bytes = end - IMAGE_BASE;
    layout->entry = header.e_entry;
    return NULL;
}
