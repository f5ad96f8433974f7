// fuzz_filetree.c -- the packed file tree: any bytes are refused by name, or every entry can be reached and
// read.
#include "fuzz.h"
#include "rt/core.h"
#undef RT_DOOR
#define RT_DOOR() ((void)0)
#include "rt/crc32.c"
#include "rt/str.c"
#include "rt/filetree.c"
#include "rt/file.c"

static unsigned said;
__attribute__((format(printf, 1, 2))) void rt_printf(const char *fmt, ...) {
    said++;
}
void sys_call(void (*fn)(void *), void *arg) {
    fn(arg);
}
static PlatBlob blob;
PlatBlob plat_blob_files(void) {
    return blob;
}

static uint64_t sum; // keeps the reads

static void read_file(const char *path) {
    File f;
    char buf[64];
    int64_t got;
    MUST(file_open(&f, path) == 0);
    while ((got = file_read(&f, buf, sizeof buf)) > 0)
        for (int64_t i = 0; i < got; i++)
            sum += (uint8_t)buf[i];
    MUST(got == 0);
    const void *data;
    size_t n;
    MUST(file_map(&f, &data, &n) == 0 && n == f.pos);
    MUST(file_close(&f) == 0 && file_close(&f) == FILE_EBADF);
}

static uint32_t read_dir(const char *path) {
    Dir d;
    DirEntry e;
    uint32_t n = 0;
    MUST(dir_open(&d, path) == 0);
    while (dir_read(&d, &e) == 1)
        MUST(strlen(e.name) == e.name_len && e.name_len > 0 && ++n < file_tree.count);
    return n;
}

static void walk_all(void) {
    uint32_t listed = 0;
    for (uint32_t i = 0; i < file_tree.count; i++) {
        const FileEntry *e = &file_tree.entries[i];
        const char *path = i ? entry_path(e) : "/";
        FileStat st;
        char target[300];
        // Components like ".." are packed by nobody, but a forged blob may hold them: then other entries
        // answer.
        if (filetree_find(path, false) != (int)i) continue;
        MUST(file_lstat(path, &st) == 0 && st.kind == (FileKind)e->kind && st.size == e->size);
        if (e->kind == FILE_REGULAR) read_file(path);
        if (e->kind == FILE_SYMLINK) {
            MUST(file_readlink(path, target, sizeof target) == (intptr_t)e->size);
            (void)file_stat(path, &st); // may loop or lead nowhere
        }
        if (e->kind == FILE_DIRECTORY) listed += read_dir(path);
    }
    MUST(listed < file_tree.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    file_tree = (FileTree){"", &no_files, "", 1};
    blob = (PlatBlob){data, size};
    said = 0;
    bool ok = files_init();
    MUST(ok || (said && file_tree.count == 1));
    walk_all();
    (void)filetree_find("a/../b//./c", true);
    return 0;
}

static void mend(uint8_t *data, size_t size) {
    FilesHeader h;
    if (size < sizeof h) return;
    memcpy(&h, data, sizeof h);
    if (h.total_bytes > size || h.data_off > h.total_bytes || h.data_off < FILES_CRC_FROM) return;
    h.data_crc = crc32(0, data + h.data_off, h.total_bytes - h.data_off);
    memcpy(data, &h, sizeof h);
    h.index_crc = crc32(0, data + FILES_CRC_FROM, h.data_off - FILES_CRC_FROM);
    memcpy(data, &h, sizeof h);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    return mutate_and_mend(data, size, max_size, seed, mend);
}
