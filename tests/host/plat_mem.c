// plat_mem.c -- memory of the hosted platform: the "RAM" given to rt, stacks with guard pages, mappings,
// blobs.
//
// RAM is reserved address space (MAP_NORESERVE) that Linux fills on first touch, so a large BURROW_MEM costs
// nothing until it is used. mmap gives addresses high in the lower half: above 2 GiB, as rt requires, and
// below 47 bits.
//
// plat_vmap does not map the frames it is given: it takes fresh memory of the same size and gives the frames'
// contents back to Linux, which is the same to the caller and needs no shared file. The list of frames, which
// plat_vunmap must free, lies in extra pages in front of the mapping.
#include "host.h"
#include "syscall.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <fcntl.h>
#include <unistd.h>

#define MEM_DEFAULT "1G"

extern const unsigned char blob_files[] __attribute__((weak)), blob_files_end[] __attribute__((weak));
extern const unsigned char blob_symbols[] __attribute__((weak)), blob_symbols_end[] __attribute__((weak));

static PlatBlob files, symbols;

void *host_map(size_t bytes) {
    long r = linux_call6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return r < 0 && r > -4096 ? NULL : (void *)r;
}

HostStack host_stack_new(size_t bytes) {
    char *p = host_map(bytes + PAGE_SIZE);
    if (p == NULL || mprotect(p, PAGE_SIZE, PROT_NONE) < 0) host_die("no memory", "stack of a core");
    return (HostStack){(uintptr_t)p + PAGE_SIZE, (uintptr_t)p + PAGE_SIZE + bytes};
}

// ---- RAM
// "512M" and the like; moves *text behind it. 0: malformed.
static size_t parse_bytes(const char **text) {
    char *end;
    unsigned long n = strtoul(*text, &end, 10);
    if (end == *text) return 0;
    const char *units = "KMG", *unit = *end >= 'A' ? strchr(units, *end & ~0x20) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (unit) end++;
    *text = end;
    return n > (SIZE_MAX >> 1 >> shift) ? 0 : (n << shift) & ~(size_t)(PAGE_SIZE - 1);
}

// One range for each comma-separated word: "512M,256M" is a machine with a hole.
void host_memory_init(void) {
    const char *option = getenv("BURROW_MEM");
    if (option == NULL) option = MEM_DEFAULT;
    const char *text = option;
    for (;;) {
        size_t bytes = parse_bytes(&text);
        if (bytes == 0 || (*text != ',' && *text != 0))
            host_die("BURROW_MEM is not a size like 512M, or several with commas", option);
        uintptr_t lo = (uintptr_t)host_map(bytes);
        if (lo == 0) host_die("cannot reserve memory, BURROW_MEM", option);
        if (!rt_mem_add(lo, lo + bytes, 0))
            rt_printf("burrow: memory of %lu bytes is too small and is left out\n", (unsigned long)bytes);
        if (*text++ == 0) return;
    }
}

// ---- mappings
static size_t list_bytes(size_t n) {
    return (n * sizeof(void *) + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
}

void *plat_vmap(void *const *frames, size_t n) {
    char *p = host_map(list_bytes(n) + n * PAGE_SIZE);
    if (p == NULL) return NULL;
    memcpy(p, frames, n * sizeof *frames);
    for (size_t i = 0; i < n; i++)
        linux_call3(SYS_madvise, (long)frames[i], PAGE_SIZE, MADV_DONTNEED);
    return p + list_bytes(n);
}

void plat_vunmap(void *addr, size_t n) {
    char *p = (char *)addr - list_bytes(n);
    void **frames = (void **)p;
    for (size_t i = 0; i < n; i++)
        page_free(frames[i], 1);
    linux_call3(SYS_munmap, (long)p, (long)(list_bytes(n) + n * PAGE_SIZE), 0);
}

bool plat_reclaim(void) {
    return false;
} // plat_vunmap leaves nothing behind

// ---- guard pages
static bool in_guard(HostStack s, uintptr_t addr) {
    return addr < s.lo && addr >= s.lo - PAGE_SIZE;
}

bool host_guard_name(uintptr_t addr, char *buf, size_t bytes) {
    static const char *const names[] = {"system stack of core ", "signal stack of core "};
    for (int cpu = 0; cpu < host_cpu_count; cpu++) {
        HostStack stacks[] = {host_cores[cpu].system, host_cores[cpu].signal};
        for (int i = 0; i < 2; i++) {
            if (!in_guard(stacks[i], addr)) continue;
            char digits[4] = {(char)('0' + cpu / 100), (char)('0' + cpu / 10 % 10), (char)('0' + cpu % 10),
                              0};
            const char *number = digits + (cpu < 10 ? 2 : cpu < 100 ? 1 : 0);
            size_t name_len = strlen(names[i]), number_len = strlen(number);
            if (name_len + number_len + 1 > bytes) return false;
            memcpy(buf, names[i], name_len);
            memcpy(buf + name_len, number, number_len + 1);
            return true;
        }
    }
    return false;
}

// ---- blobs
// A file mapped read-only; bytes = 0 when it is not there.
static PlatBlob map_file(const char *path) {
    PlatBlob none = {NULL, 0};
    long fd = linux_call4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return none;
    long bytes = linux_call3(SYS_lseek, fd, 0, SEEK_END);
    long p = bytes > 0 ? linux_call6(SYS_mmap, 0, bytes, PROT_READ, MAP_PRIVATE, fd, 0) : -EINVAL;
    linux_call3(SYS_close, fd, 0, 0);
    return p < 0 && p > -4096 ? none : (PlatBlob){(const void *)p, (size_t)bytes};
}

static PlatBlob linked_blob(const unsigned char *lo, const unsigned char *hi) {
    return (PlatBlob){lo, lo ? (size_t)(hi - lo) : 0};
}

// The file tree: BURROW_FILES, else what was linked in. Symbols: what was linked in, else the file beside the
// program.
void host_blobs_init(void) {
    const char *path = getenv("BURROW_FILES");
    files = path && *path ? map_file(path) : linked_blob(blob_files, blob_files_end);
    if (path && *path && files.bytes == 0) host_die("cannot read the file tree, BURROW_FILES", path);
    symbols = linked_blob(blob_symbols, blob_symbols_end);
    if (symbols.bytes) return;
    char beside[4096];
    ssize_t n = readlink("/proc/self/exe", beside, sizeof beside - sizeof ".sym");
    if (n <= 0) return;
    memcpy(beside + n, ".sym", sizeof ".sym");
    symbols = map_file(beside);
}

PlatBlob plat_blob_files(void) {
    return files;
}
PlatBlob plat_blob_symbols(void) {
    return symbols;
}
