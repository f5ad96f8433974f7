// probe.c -- a kernel that only tells what the boot stage handed over, on COM1, and checks what
// boot/bootinfo.h promises.
//
// Linked by boot/image.ld like the real one (rule in boot/boot.mk), with a blob of known bytes;
// tests/test_loader.py reads its output.
#include "boot/bootinfo.h"
#include "boot/earlyport.h"

#define BLOB_BYTES 300000u

_Noreturn void kernel_entry(BootInfo *bi);

extern char __image_start[], __image_end[];
extern const unsigned char __blob_files_start[], __blob_files_end[];

static uint64_t data_word = 0x1122334455667788ull;
static uint64_t bss_words[2000];
static unsigned failures;

static void put_number(uint64_t v) {
    char digits[21];
    unsigned at = 20;
    digits[at] = 0;
    do
        digits[--at] = (char)('0' + v % 10);
    while (v /= 10);
    early_puts(&digits[at]);
}

static void tell(const char *what, uint64_t v) {
    early_puts(what);
    early_puts(" ");
    put_number(v);
    early_puts("\n");
}

static void expect(const char *what, int good) {
    if (good) return;
    failures++;
    early_puts("wrong: ");
    early_puts(what);
    early_puts("\n");
}

static uint64_t control_register_0(void) {
    uint64_t v;
    __asm__ volatile("movq %%cr0, %0" : "=r"(v));
    return v;
}

static uint64_t control_register_4(void) {
    uint64_t v;
    __asm__ volatile("movq %%cr4, %0" : "=r"(v));
    return v;
}

static uint64_t flags_register(void) {
    uint64_t v;
    __asm__ volatile("pushfq; popq %0" : "=r"(v));
    return v;
}

// Is [base, base + bytes) of this type, as one range?
static int map_has(const BootInfo *bi, uint64_t base, uint64_t bytes, MemType type) {
    const MemRange *ranges = (const MemRange *)bi->mem_map;
    for (uint32_t i = 0; i < bi->mem_count; i++)
        if (ranges[i].type == type && ranges[i].base <= base &&
            base + bytes <= ranges[i].base + ranges[i].bytes)
            return 1;
    return 0;
}

static uint64_t usable_bytes(const BootInfo *bi) {
    const MemRange *ranges = (const MemRange *)bi->mem_map;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < bi->mem_count; i++)
        if (ranges[i].type == MEM_USABLE || ranges[i].type == MEM_BOOT) sum += ranges[i].bytes;
    return sum;
}

static void check_image(const BootInfo *bi) {
    uint64_t linked = (uint64_t)(__image_end - __image_start);
    expect("image_bytes", bi->image_bytes == linked);
    expect("image is MEM_IMAGE in the map", map_has(bi, bi->image_phys, bi->image_bytes, MEM_IMAGE));

    expect("data", data_word == 0x1122334455667788ull);
    for (unsigned i = 0; i < 2000; i++)
        expect("bss is zero", bss_words[i] == 0);
    expect("blob length", __blob_files_end - __blob_files_start == BLOB_BYTES);
    for (unsigned i = 0; i < BLOB_BYTES; i++)
        expect("blob", __blob_files_start[i] == (i * 7 & 255));

    // The link address shows the memory at image_phys.
    uint64_t at = bi->image_phys + (uint64_t)((char *)&data_word - __image_start);
    *(volatile uint64_t *)&data_word = 42;
    if (bi->image_phys + bi->image_bytes <= 1ull << 32)
        expect("image mapping", *(volatile uint64_t *)at == 42);
}

static void check_machine(const BootInfo *bi) {
    expect("interrupts off", !(flags_register() & 1u << 9));
    expect("SSE on", (control_register_4() >> 9 & 3) == 3 && !(control_register_0() & (1u << 2 | 1u << 3)));
    __asm__ volatile("pxor %%xmm0, %%xmm0" : : : "memory");
    volatile uint64_t *low = (volatile uint64_t *)0x10000, old = *low;
    *low = 7;
    expect("low memory is writable", *low == 7);
    *low = old;
    if (bi->source == BOOT_UEFI) {
        expect("BootInfo is MEM_BOOT", map_has(bi, (uint64_t)bi, sizeof *bi, MEM_BOOT));
        expect("map is MEM_BOOT", map_has(bi, bi->mem_map, bi->mem_count * sizeof(MemRange), MEM_BOOT));
        expect("ResetSystem is MEM_EFI_RUNTIME", map_has(bi, bi->efi_reset_system, 1, MEM_EFI_RUNTIME));
        expect("TSC", bi->tsc_exit > bi->tsc_start);
    }
    const char *rsdp = (const char *)bi->rsdp;
    expect("RSDP", rsdp && rsdp[0] == 'R' && rsdp[1] == 'S' && rsdp[2] == 'D');
}

// Entered without a stack of its own: the boot stage's is enough for this.
void kernel_entry(BootInfo *bi) {
    static char stack[16384] __attribute__((aligned(16)));
    __asm__ volatile("movq %0, %%rsp; movq %1, %%rdi; call probe"
                     :
                     : "r"(stack + sizeof stack), "r"(bi)
                     : "rdi", "memory");
    __builtin_unreachable();
}

_Noreturn void probe(BootInfo *bi);
void probe(BootInfo *bi) {
    early_puts("\nprobe\n");
    expect("magic", bi->magic == BOOTINFO_MAGIC);
    expect("version", bi->version == BOOTINFO_VERSION);
    check_image(bi);
    check_machine(bi);

    tell("source", bi->source);
    early_puts("firmware [");
    early_puts(bi->firmware);
    early_puts("]\ncmdline [");
    if (bi->cmdline) early_puts((const char *)bi->cmdline);
    early_puts("]\n");
    tell("mib", usable_bytes(bi) >> 20);
    tell("lost", bi->mem_lost);
    tell("pixels", (uint64_t)bi->fb.width * bi->fb.height);
    tell("date", bi->time.year * 10000u + bi->time.month * 100u + bi->time.day);
    tell("levels", control_register_4() & 1u << 12 ? 5 : 4);
    tell("failures", failures);
    early_puts(failures ? "@@burrow exit 1\n" : "@@burrow exit 0\n");
    port_out8(DEBUG_EXIT, 0);
    for (;;)
        __asm__ volatile("cli; hlt");
}
