// fuzz_elf.c -- the loader's reader of the image's ELF headers.
#include "fuzz.h"
#include "boot/elfcheck.c"

static void check(const ImageLayout *l, uint64_t bytes) {
    uint64_t end = IMAGE_BASE;
    bool entry = false;
    MUST(l->count >= 1 && l->count <= IMAGE_MAX_SEGMENTS);
    MUST(l->segments[0].address == IMAGE_BASE);
    for (uint32_t i = 0; i < l->count; i++) {
        const ImageSegment *s = &l->segments[i];
        MUST(s->offset <= bytes && s->file_bytes <= bytes - s->offset);
        MUST(s->address % 4096 == 0 && s->address >= end);
        MUST(s->file_bytes <= s->memory_bytes && s->memory_bytes > 0);
        end = s->address + s->memory_bytes;
        MUST(end > s->address && end <= IMAGE_LIMIT);
        if (l->entry >= s->address && l->entry - s->address < s->file_bytes) entry = true;
    }
    MUST(entry);
    MUST(l->bytes % 4096 == 0 && l->bytes >= end - IMAGE_BASE && l->bytes - (end - IMAGE_BASE) < 4096);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ImageLayout layout;
    memset(&layout, 0xaa, sizeof layout);
    const char *wrong = elf_check(data, size, &layout);
    if (wrong)
        MUST(*wrong);
    else
        check(&layout, size);
    return 0;
}
