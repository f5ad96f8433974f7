// image.c -- the image inside BOOTX64.EFI: check it, then copy its segments to where it will run.
//
// boot/pack_payload.py put a header with length and checksum before the ELF file, boot/payload.asm brought
// both in. A file damaged on its way (a bad stick, a cut download) is named here instead of crashing later.
#include "boot/loader.h"

#define PAYLOAD_MAGIC 0x4c50574f52525542ull // "BURROWPL"

typedef struct {
    uint64_t magic;
    uint64_t bytes; // of the ELF file that follows
    uint32_t crc32; // of these bytes
    uint32_t reserved;
    uint8_t file[];
} Payload;
_Static_assert(sizeof(Payload) == 24, "layout shared with boot/pack_payload.py");

extern const uint8_t payload_start[], payload_end[]; // boot/payload.asm

static const Payload *payload(void) {
    return (const Payload *)payload_start;
}

void image_check(ImageLayout *layout) {
    const Payload *p = payload();
    uint64_t present = (uint64_t)(payload_end - payload_start);
    if (present < sizeof *p || p->magic != PAYLOAD_MAGIC) boot_fail("BOOTX64.EFI holds no image");
    present -= sizeof *p;
    if (p->bytes > present)
        boot_fail("the image in BOOTX64.EFI is truncated: %u of %u bytes", present, p->bytes);

    UINT32 crc = 0;
    EFI_STATUS status = BS->CalculateCrc32((void *)p->file, p->bytes, &crc);
    if (EFI_ERROR(status)) boot_fail("the image in BOOTX64.EFI cannot be checked (%r)", status);
    if (crc != p->crc32)
        boot_fail("the image in BOOTX64.EFI is corrupt: checksum %x, expected %x", (uint64_t)crc,
                  (uint64_t)p->crc32);

    const char *wrong = elf_check(p->file, p->bytes, layout);
    if (wrong) boot_fail("the image in BOOTX64.EFI is unusable: %s", wrong);
}

void image_place(const ImageLayout *layout, BootInfo *bi) {
    uint8_t *to = (uint8_t *)memory_image(layout->bytes / 4096);
    uint64_t placed = 0; // everything before is copied or zeroed
    for (uint32_t i = 0; i < layout->count; i++) {
        const ImageSegment *s = &layout->segments[i];
        uint64_t at = s->address - IMAGE_BASE;
        BS->SetMem(to + placed, at - placed, 0);
        BS->CopyMem(to + at, (void *)(payload()->file + s->offset), s->file_bytes);
        placed = at + s->file_bytes;
    }
    BS->SetMem(to + placed, layout->bytes - placed, 0);
    bi->image_phys = (uint64_t)to;
    bi->image_bytes = layout->bytes;
}
