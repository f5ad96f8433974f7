// test_pci.c -- PCI enumeration, address registers, capabilities and messages over an invented configuration
// space: whole, broken in each way we check, and random.
#include "test.h"
#include "drivers/pci_scan.c"

// A sparse space: a few functions with 64 words each, and which of their bits can be written.
enum { FUNCTIONS_MAX = 400 };
typedef struct Function {
    PciAddress at;
    uint32_t word[64], writable[64];
} Function;
static Function function[FUNCTIONS_MAX];
static int functions, refused;
static char last_refusal[100];
static unsigned long reads, writes;
static bool all_answer; // every function that is asked for looks like a bridge to everywhere

static Function *find(PciAddress at) {
    for (int i = 0; i < functions; i++)
        if (memcmp(&function[i].at, &at, sizeof at) == 0) return &function[i];
    return NULL;
}
static uint32_t read_word(void *ctx, PciAddress at, unsigned offset) {
    if (++reads > 1000000) {
        CHECK(!"the walk ends");
        exit(test_done());
    }
    CHECK(offset % 4 == 0 && offset < 256 && at.dev < 32 && at.fn < 8);
    if (all_answer)
        return (uint32_t[]){0x12348086, 0x00100000, 0x06040000,
                            0x00810000}[offset < 16 ? offset / 4 : offset / 4 % 3];
    Function *f = find(at);
    return f ? f->word[offset / 4] : UINT32_MAX;
}
static void write_word(void *ctx, PciAddress at, unsigned offset, uint32_t v) {
    writes++;
    CHECK(offset % 4 == 0 && offset < 256);
    Function *f = find(at);
    if (!f) return;
    uint32_t can = f->writable[offset / 4];
    f->word[offset / 4] = (f->word[offset / 4] & ~can) | (v & can);
}
static void refuse(void *ctx, PciAddress at, const char *why) {
    refused++;
    snprintf(last_refusal, sizeof last_refusal, "%s", why);
}
static const PciAccess pci = {read_word, write_word, refuse, NULL};

static void reset(void) {
    memset(function, 0, sizeof function);
    functions = refused = 0;
    reads = writes = 0;
    all_answer = false;
    last_refusal[0] = 0;
}
static Function *add(uint8_t bus, uint8_t dev, uint8_t fn, uint32_t class_code, uint8_t header) {
    Function *f = &function[functions++];
    f->at = (PciAddress){0, bus, dev, fn};
    f->word[0] = 0x10001af4u + (uint32_t)functions * 0x10000;
    f->word[1] = 0x00000003;
    f->writable[1] = 0x0000ffff;
    f->word[2] = class_code << 8;
    f->word[3] = (uint32_t)header << 16;
    return f;
}
static Function *add_bridge(uint8_t bus, uint8_t dev, uint8_t secondary) {
    Function *f = add(bus, dev, 0, 0x060400, 1);
    f->word[6] = (uint32_t)bus | (uint32_t)secondary << 8 | (uint32_t)secondary << 16;
    return f;
}
static void put8(Function *f, unsigned at, uint8_t v) {
    f->word[at / 4] = (f->word[at / 4] & ~(0xffu << at % 4 * 8)) | (uint32_t)v << at % 4 * 8;
}
static void add_caps(Function *f, uint8_t first) {
    f->word[1] |= 1u << 20;
    put8(f, 0x34, first);
}
static PciList list;
static const PciList *scan(unsigned first, unsigned last) {
    memset(&list, 0, sizeof list);
    pci_scan(&pci, 0, first, last, &list);
    return &list;
}

static void finds_functions_behind_bridges(void) {
    reset();
    add(0, 0, 0, 0x060000, 0);
    add(0, 3, 0, 0x0c0330, 0);
    add(0, 31, 0, 0x060100, 0x80); // several functions
    add(0, 31, 2, 0x010601, 0);
    add(0, 5, 2, 0x020000, 0); // function 0 is not there: neither is this one
    add_bridge(0, 28, 4);
    add_bridge(4, 0, 9);
    add(9, 31, 0, 0x010802, 0);
    add(7, 0, 0, 0x020000, 0); // nothing leads there
    const PciList *l = scan(0, 255);
    CHECK_EQ(l->count, 7);
    CHECK_EQ(l->buses, 3);
    CHECK_EQ(l->lost, 0);
    CHECK_EQ(refused, 0);
    CHECK_EQ(l->device[6].class_code, 0x010802);
    CHECK_EQ(l->device[6].at.bus, 9);
    CHECK_EQ(writes, 0);            // looking changes nothing
    CHECK_EQ(scan(4, 8)->count, 1); // a range that begins elsewhere; bus 9 is outside
    CHECK_STR(last_refusal, "leads to a bus outside of its segment");
}

// The roots of one segment one after the other, as a table of several ranges has it.
static void several_roots(void) {
    reset();
    add(0, 3, 0, 0x0c0330, 0);
    add_bridge(0, 28, 4);
    add(4, 0, 0, 0x010802, 0);
    add(64, 0, 0, 0x020000, 0); // no bridge leads there
    const PciList *l = scan(0, 255);
    CHECK_EQ(l->count, 3);
    pci_scan(&pci, 0, 4, 255, &list); // known already
    pci_scan(&pci, 0, 0, 255, &list);
    CHECK_EQ(l->count, 3);
    pci_scan(&pci, 0, 64, 127, &list);
    CHECK_EQ(l->count, 4);
    CHECK_EQ(l->buses, 3);
    CHECK_EQ(refused, 0);
    unsigned long before = reads;
    pci_scan(&pci, 1, 4, 4, &list); // a bus of another segment
    CHECK(reads > before);
}

static void bridges_in_a_circle(void) {
    reset();
    add_bridge(0, 1, 1);
    add_bridge(1, 0, 2);
    add_bridge(2, 0, 1);
    add_bridge(2, 1, 2); // itself
    add_bridge(2, 2, 0);
    add_bridge(0, 2, 1); // a second way
    CHECK_EQ(scan(0, 255)->count, 6);
    CHECK_EQ(refused, 3); // bus 0: not configured
    CHECK_STR(last_refusal, "leads to a bus that is known already");
}

static void everything_answers(void) {
    reset();
    all_answer = true;
    const PciList *l = scan(0, 255);
    CHECK_EQ(l->count, PCI_DEVICES_MAX);
    CHECK(l->lost > 0);
    CHECK(reads < 256ul * 32 * 8 * 4 + 1);
}

static void nothing_answers(void) {
    reset();
    CHECK_EQ(scan(0, 255)->count, 0);
    CHECK_EQ(reads, 32);             // the first bus, no more
    add(0, 0, 0, 0, 0)->word[0] = 0; // zeros are nothing too
    CHECK_EQ(scan(0, 255)->count, 0);
    CHECK_EQ(scan(5, 3)->count, 0);
    CHECK_EQ(scan(0, 256)->count, 0);
    add(0, 1, 0, 0x060000, 0x7f);
    CHECK_EQ(scan(0, 255)->count, 0);
    CHECK_STR(last_refusal, "has a header of unknown kind");
}

static void capabilities(void) {
    reset();
    Function *f = add(0, 3, 0, 0x0c0330, 0);
    CHECK_EQ(pci_find_cap(&pci, f->at, 5), 0);
    add_caps(f, 0x50);
    f->word[0x50 / 4] = 0x00007010;
    f->word[0x70 / 4] = 0x00009005;
    f->word[0x90 / 4] = 0x00000011;
    CHECK_EQ(pci_find_cap(&pci, f->at, 0x05), 0x70);
    CHECK_EQ(pci_find_cap(&pci, f->at, 0x11), 0x90);
    CHECK_EQ(pci_find_cap(&pci, f->at, 0x09), 0);
    CHECK_EQ(refused, 0);
    f->word[0x90 / 4] = 0x00005011; // round and round
    reads = 0;
    CHECK_EQ(pci_find_cap(&pci, f->at, 0x09), 0);
    CHECK(reads < 64);
    CHECK_STR(last_refusal, "has a loop in its list of capabilities");
    f->word[0x90 / 4] = UINT32_MAX; // taken out meanwhile
    CHECK_EQ(pci_find_cap(&pci, f->at, 0x09), 0);
    CHECK_STR(last_refusal, "does not answer");
    put8(f, 0x34, 0x3c); // into the header
    CHECK_EQ(pci_find_cap(&pci, f->at, 0x05), 0);
}

static const PciDevice *device_of(const Function *f) {
    static PciDevice d;
    d = (PciDevice){.at = f->at, .header = (uint8_t)(f->word[3] >> 16 & 0x7f)};
    return &d;
}
static Function *with_bar(unsigned index, uint32_t value, uint32_t writable) {
    Function *f = functions ? &function[0] : add(0, 3, 0, 0x0c0330, 0);
    f->word[4 + index] = value;
    f->writable[4 + index] = writable;
    return f;
}

static void address_registers(void) {
    PciBar bar;
    reset();
    Function *f = with_bar(0, 0xfebf0000, 0xffffc000);
    with_bar(1, 0x0000c041, 0xffffffe0);
    with_bar(2, 0xe000000c, 0xf0000000);
    with_bar(3, 0x00000008, 0xffffffff);
    CHECK(pci_bar(&pci, device_of(f), 0, &bar));
    CHECK_EQ(bar.base, 0xfebf0000);
    CHECK_EQ(bar.bytes, 0x4000);
    CHECK(!bar.io && !bar.prefetch);
    CHECK(pci_bar(&pci, device_of(f), 1, &bar));
    CHECK(bar.io);
    CHECK_EQ(bar.base, 0xc040);
    CHECK_EQ(bar.bytes, 32);
    CHECK(pci_bar(&pci, device_of(f), 2, &bar));
    CHECK_EQ(bar.base, 0x8e0000000);
    CHECK_EQ(bar.bytes, 0x10000000);
    CHECK(bar.prefetch);
    CHECK_EQ(f->word[4], 0xfebf0000); // all as it was
    CHECK_EQ(f->word[6], 0xe000000c);
    CHECK_EQ(f->word[7], 8);
    CHECK_EQ(f->word[1], 3);
    CHECK(!pci_bar(&pci, device_of(f), 4, &bar)); // none
    CHECK(!pci_bar(&pci, device_of(f), 6, &bar));
    CHECK_EQ(refused, 0);
    with_bar(5, 0xe000000c, 0xf0000000); // its upper half would be behind the end
    CHECK(!pci_bar(&pci, device_of(f), 5, &bar));
    CHECK_EQ(refused, 1);
    with_bar(4, 0xfebf0000, 0xffff1000); // holes
    CHECK(!pci_bar(&pci, device_of(f), 4, &bar));
    CHECK_EQ(refused, 2);
    with_bar(4, 0xfebf0010, 0); // nothing can be written
    CHECK(!pci_bar(&pci, device_of(f), 4, &bar));
    with_bar(4, 0x00000000, 0xffff0000); // not assigned
    CHECK(!pci_bar(&pci, device_of(f), 4, &bar));
    f->word[3] = 1 << 16; // a bridge has two
    CHECK(!pci_bar(&pci, device_of(f), 2, &bar));
}

static void messages(void) {
    PciMsix msix;
    reset();
    Function *f = with_bar(0, 0xfebf0000, 0xffffc000);
    CHECK(!pci_msi_set(&pci, f->at, 0x50, 3));
    CHECK(!pci_msix_find(&pci, device_of(f), &msix));
    add_caps(f, 0x50);
    f->word[0x50 / 4] = 0x01f47005; // 64 bits, masks, firmware's four messages, on
    f->writable[0x50 / 4] = 0x00710000;
    for (unsigned at = 0x54; at <= 0x60; at += 4)
        f->writable[at / 4] = UINT32_MAX;
    f->word[0x60 / 4] = 0xf;
    f->word[0x58 / 4] = 0x77;
    CHECK(pci_msi_set(&pci, f->at, 0x50, 3));
    CHECK_EQ(f->word[0x54 / 4], 0xfee03000);
    CHECK_EQ(f->word[0x58 / 4], 0);
    CHECK_EQ(f->word[0x5c / 4], 0x50);
    CHECK_EQ(f->word[0x60 / 4], 0);
    CHECK_EQ(f->word[0x50 / 4] >> 16 & 0x71, 1);
    f->word[0x50 / 4] = 0x00007005; // 32 bits
    CHECK(pci_msi_set(&pci, f->at, 0x51, 255));
    CHECK_EQ(f->word[0x54 / 4], 0xfeeff000);
    CHECK_EQ(f->word[0x58 / 4], 0x51);
    put8(f, 0x34, 0xfc); // does not fit behind the end
    f->word[0xfc / 4] = 0x00800005;
    CHECK(!pci_msi_set(&pci, f->at, 0x51, 1));
    CHECK_EQ(refused, 1);

    put8(f, 0x34, 0x50);
    f->word[0x70 / 4] = 0x000f0011; // 16 entries
    f->writable[0x70 / 4] = 0xc0000000;
    f->word[0x74 / 4] = 0x00003f00;
    CHECK(pci_msix_find(&pci, device_of(f), &msix));
    CHECK_EQ(msix.entries, 16);
    CHECK_EQ(msix.bar, 0);
    CHECK_EQ(msix.offset, 0x3f00);
    pci_msix_control(&pci, f->at, &msix, true, true);
    CHECK_EQ(f->word[0x70 / 4] >> 30, 3);
    pci_msix_control(&pci, f->at, &msix, true, false);
    CHECK_EQ(f->word[0x70 / 4] >> 30, 2);
    refused = 0;
    f->word[0x74 / 4] = 0x00003f08; // 8 bytes too far
    CHECK(!pci_msix_find(&pci, device_of(f), &msix));
    f->word[0x74 / 4] = 0x00003001; // a register that is not there
    CHECK(!pci_msix_find(&pci, device_of(f), &msix));
    f->word[0x74 / 4] = 0x00000007;
    CHECK(!pci_msix_find(&pci, device_of(f), &msix));
    CHECK_EQ(refused, 3);
}

static void random_spaces(void) {
    for (int round = 0; round < 300; round++) {
        reset();
        for (int i = 0; i < 60; i++) {
            Function *f =
                add((uint8_t)test_below(6), (uint8_t)test_below(32), (uint8_t)test_below(3) / 2, 0x060400, 1);
            for (int w = 3; w < 64; w++) {
                f->word[w] = (uint32_t)test_rand() & (uint32_t)test_rand() & 0x07ff07ff;
                f->writable[w] = (uint32_t)test_rand() | (uint32_t)test_rand();
            }
            f->word[1] |= 1u << 20;
        }
        const PciList *l = scan(0, (unsigned)test_below(256));
        CHECK(l->count <= 60 && reads < 256 * 32 * 8 * 4);
        for (unsigned i = 0; i < l->count; i++) {
            PciBar bar;
            PciMsix msix;
            for (unsigned k = 0; k < 7; k++)
                if (pci_bar(&pci, &l->device[i], k, &bar))
                    CHECK(bar.base && bar.bytes && bar.base % bar.bytes == 0);
            pci_msi_set(&pci, l->device[i].at, 0x50, 1);
            if (pci_msix_find(&pci, &l->device[i], &msix))
                CHECK(msix.cap >= 0x40 && msix.cap <= 0xf4 && msix.entries <= 2048);
        }
    }
}

int main(void) {
    RUN(finds_functions_behind_bridges);
    RUN(several_roots);
    RUN(bridges_in_a_circle);
    RUN(everything_answers);
    RUN(nothing_answers);
    RUN(capabilities);
    RUN(address_registers);
    RUN(messages);
    RUN(random_spaces);
    return test_done();
}
