// fuzz_pci.c -- configuration space: each read of it takes what the input says next, so it may change between
// two looks.
#include "fuzz.h"
#include "drivers/pci_scan.c"

static Input input;
static unsigned long reads;

static uint32_t read_word(void *ctx, PciAddress at, unsigned offset) {
    MUST(offset % 4 == 0 && offset < 256 && at.dev < 32 && at.fn < 8);
    reads++;
    if (input.left == 0) return UINT32_MAX;
    // Ids are mostly absent, or the input would not reach beyond the first device.
    if (offset == 0 && (take(&input, 1) & 7)) return UINT32_MAX;
    return (uint32_t)take(&input, 4);
}
static void write_word(void *ctx, PciAddress at, unsigned offset, uint32_t v) {
    MUST(offset % 4 == 0 && offset < 256);
}
static void refuse(void *ctx, PciAddress at, const char *why) {
    MUST(why && *why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static PciList list;
    const PciAccess pci = {read_word, write_word, refuse, NULL};
    input = (Input){data, size};
    unsigned first = (unsigned)take(&input, 1), last = (unsigned)take(&input, 2);
    memset(&list, 0, sizeof list);
    reads = 0;
    pci_scan(&pci, 1, first, last, &list);
    MUST(list.count <= PCI_DEVICES_MAX && list.buses <= 256);
    MUST(reads <= 256ul * 32 * 8 * 4);
    for (unsigned i = 0; i < list.count; i++) {
        const PciDevice *d = &list.device[i];
        MUST(d->at.bus >= first && d->at.bus <= last && d->header <= 2);
        PciBar bar;
        PciMsix msix;
        reads = 0;
        unsigned cap = pci_find_cap(&pci, d->at, PCI_CAP_MSI);
        MUST(cap == 0 || (cap >= 0x40 && cap < 256 && cap % 4 == 0));
        for (unsigned k = 0; k < PCI_BARS; k++)
            if (pci_bar(&pci, d, k, &bar)) MUST(bar.bytes && bar.base && bar.base % bar.bytes == 0);
        pci_msi_set(&pci, d->at, 0x50, 1);
        if (pci_msix_find(&pci, d, &msix)) pci_msix_control(&pci, d->at, &msix, true, false);
        MUST(reads < 400);
    }
    return 0;
}
