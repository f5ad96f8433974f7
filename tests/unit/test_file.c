// test_file.c -- a tree packed by scripts/pack_blob.py, read back; then truncated, flipped, and forged with
// good checksums.
//
// Run from the top of the source tree. The blob is held in memory of exactly its size, so that
// AddressSanitizer sees any access outside.
#include "test.h"
#include "rt/core.h"
#undef RT_DOOR
#define RT_DOOR() ((void)0)
#include "rt/crc32.c"
#include "rt/str.c"
#include "rt/filetree.c"
#include "rt/file.c"
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

static char said[256];
void rt_printf(const char *fmt, ...) {
    size_t n = strlen(said);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(said + n, sizeof said - n, fmt, ap);
    va_end(ap);
}
void sys_call(void (*fn)(void *), void *arg) {
    fn(arg);
}

static PlatBlob blob;
PlatBlob plat_blob_files(void) {
    return blob;
}

static void reset(void) {
    file_tree = (FileTree){"", &no_files, "", 1};
    said[0] = 0;
}

// ---- the tree

static char root[] = "/tmp/burrow-files-XXXXXX";
enum { BIG = 70001 };

static const char *in_root(const char *path) {
    static char full[256];
    snprintf(full, sizeof full, "%s/%s", root, path);
    return full;
}
static void put_file(const char *path, const void *data, size_t n) {
    FILE *f = fopen(in_root(path), "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0) exit(3);
}
static void put_dir(const char *path) {
    if (mkdir(in_root(path), 0755) != 0) exit(3);
}
static void put_link(const char *path, const char *target) {
    if (symlink(target, in_root(path)) != 0) exit(3);
}

static unsigned char big[BIG];

static void make_tree(void) {
    if (!mkdtemp(root)) exit(3);
    for (int i = 0; i < BIG; i++)
        big[i] = (unsigned char)test_rand();
    put_file("empty", "", 0);
    put_file("hello.txt", "hello, world\n", 13);
    put_file("big", big, BIG);
    put_file("new\nline \\ \xc3\xa4", "x", 1);
    put_dir("a");
    put_dir("a/b");
    put_dir("void");
    put_file("a.b", "dot", 3); // between "a" and "a/b" in the index
    put_file("a-b", "dash", 4);
    put_file("a/b/c", "deep", 4);
    put_file("a/z", "z", 1);
    put_link("link", "a/b");
    put_link("a/b/up", "../z");
    put_link("absolute", "/a/b/c");
    put_link("chain", "link/up");
    put_link("loop", "loop");
    put_link("dangling", "nowhere");
    put_link("toroot", "..");
    chmod(in_root("hello.txt"), 0640);
}

static unsigned char *load(size_t *bytes) {
    char command[512], path[256];
    snprintf(path, sizeof path, "%s.blob", root);
    snprintf(command, sizeof command, "/usr/bin/python3 scripts/pack_blob.py --out %s %s", path, root);
    if (system(command) != 0) exit(3);
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &st) != 0) exit(3);
    *bytes = (size_t)st.st_size;
    unsigned char *data = malloc(*bytes);
    if (fread(data, 1, *bytes, f) != *bytes) exit(3);
    fclose(f);
    unlink(path);
    snprintf(command, sizeof command, "rm -rf %s", root);
    if (system(command) != 0) exit(3);
    return data;
}

// ---- reading

static void expect_file(const char *path, const char *want) {
    File f;
    char buf[64];
    CHECK_EQ(file_open(&f, path), 0);
    CHECK_EQ(file_read(&f, buf, sizeof buf), strlen(want));
    CHECK_MEM(buf, want, strlen(want));
    CHECK_EQ(file_read(&f, buf, sizeof buf), 0);
    CHECK_EQ(file_close(&f), 0);
    CHECK_EQ(file_close(&f), FILE_EBADF);
    CHECK_EQ(file_read(&f, buf, 1), FILE_EBADF);
}

static void paths(void) {
    static const char *const same[] = {"a/b/c",       "/a/b/c",        "./a/./b//c", "a/../a/b/c",
                                       "../../a/b/c", "link/c",        "absolute",   "toroot/a/b/c",
                                       "link/../b/c", "void/../a/b/c", "//a/b/c"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        expect_file(same[i], "deep");
    expect_file("hello.txt", "hello, world\n");
    expect_file("empty", "");
    expect_file("a.b", "dot");
    expect_file("a-b", "dash");
    expect_file("a/z", "z");
    expect_file("chain", "z");
    expect_file("new\nline \\ \xc3\xa4", "x");

    static const struct {
        const char *path;
        int want;
    } bad[] = {
        {"", FILE_ENOENT},
        {"nothing", FILE_ENOENT},
        {"a/nothing", FILE_ENOENT},
        {"hello.tx", FILE_ENOENT},
        {"hello.txt2", FILE_ENOENT},
        {"a", FILE_EISDIR},
        {"/", FILE_EISDIR},
        {".", FILE_EISDIR},
        {"..", FILE_EISDIR},
        {"hello.txt/x", FILE_ENOTDIR},
        {"hello.txt/", FILE_ENOTDIR},
        {"loop", FILE_ELOOP},
        {"dangling", FILE_ENOENT},
        {"loop/x", FILE_ELOOP},
        {"a/b/c/..", FILE_ENOTDIR},
        {"nothing/..", FILE_ENOENT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        File f;
        int r = file_open(&f, bad[i].path);
        if (r != bad[i].want) fprintf(stderr, "path \"%s\":\n", bad[i].path);
        CHECK_EQ(r, bad[i].want);
    }
    CHECK_STR(file_error_text(FILE_ENOENT), "no such file or directory");
    CHECK_STR(file_error_text(-1000), "unknown error");
}

static void stats(void) {
    FileStat st;
    CHECK_EQ(file_stat("hello.txt", &st), 0);
    CHECK(st.kind == FILE_REGULAR && st.size == 13 && st.mode == 0640);
    CHECK_EQ(file_stat("link", &st), 0);
    CHECK(st.kind == FILE_DIRECTORY);
    CHECK_EQ(file_lstat("link", &st), 0);
    CHECK(st.kind == FILE_SYMLINK && st.size == 3);
    CHECK_EQ(file_lstat("link/c", &st), 0);
    CHECK(st.kind == FILE_REGULAR);
    CHECK_EQ(file_lstat("loop", &st), 0);
    char buf[16];
    CHECK_EQ(file_readlink("link", buf, sizeof buf), 3);
    CHECK_STR(buf, "a/b");
    CHECK_EQ(file_readlink("absolute", buf, 4), 6);
    CHECK_STR(buf, "/a/");
    CHECK_EQ(file_readlink("a", buf, 4), FILE_EINVAL);
}

static void positions(void) {
    static unsigned char copy[BIG + 1];
    File f;
    const void *data;
    size_t bytes;
    CHECK_EQ(file_open(&f, "big"), 0);
    CHECK_EQ(file_map(&f, &data, &bytes), 0);
    CHECK_EQ(bytes, BIG);
    CHECK_MEM(data, big, BIG);
    CHECK_EQ(file_read(&f, copy, BIG + 1), BIG);
    CHECK_MEM(copy, big, BIG);
    CHECK_EQ(file_seek(&f, -5, FILE_SEEK_END), BIG - 5);
    CHECK_EQ(file_read(&f, copy, 3), 3);
    CHECK_MEM(copy, big + BIG - 5, 3);
    CHECK_EQ(file_seek(&f, 1, FILE_SEEK_CURRENT), BIG - 1);
    CHECK_EQ(file_read(&f, copy, 3), 1);
    CHECK_EQ(file_pread(&f, copy, 10, 66000), 10);
    CHECK_MEM(copy, big + 66000, 10);
    CHECK_EQ(file_pread(&f, copy, 10, UINT64_MAX), 0);
    CHECK_EQ(file_read(&f, copy, 3), 0); // pread left the position
    CHECK_EQ(file_seek(&f, BIG + 100, FILE_SEEK_SET), BIG + 100);
    CHECK_EQ(file_read(&f, copy, 3), 0);
    CHECK_EQ(file_seek(&f, -1, FILE_SEEK_SET), FILE_EINVAL);
    CHECK_EQ(file_seek(&f, INT64_MAX, FILE_SEEK_CURRENT), FILE_EINVAL);
    CHECK_EQ(file_seek(&f, 0, (FileWhence)7), FILE_EINVAL);
    FileStat st;
    CHECK_EQ(file_fstat(&f, &st), 0);
    CHECK_EQ(st.size, BIG);
    f.entry = 1000000; // scribbled over
    CHECK_EQ(file_read(&f, copy, 1), FILE_EBADF);
    CHECK_EQ(file_map(&f, &data, &bytes), FILE_EBADF);
}

static const char *listing(const char *path) {
    static char text[512];
    Dir d;
    DirEntry e;
    text[0] = 0;
    CHECK_EQ(dir_open(&d, path), 0);
    while (dir_read(&d, &e) == 1)
        sprintf(text + strlen(text), "%s%c", e.name, "?|/@"[e.kind]);
    CHECK_EQ(dir_read(&d, &e), 0);
    CHECK_EQ(dir_close(&d), 0);
    CHECK_EQ(dir_read(&d, &e), FILE_EBADF);
    CHECK_EQ(dir_close(&d), FILE_EBADF);
    return text;
}

static void directories(void) {
    CHECK_STR(
        listing("/"),
        "a/a-b|a.b|absolute@big|chain@dangling@empty|hello.txt|link@loop@new\nline \\ \xc3\xa4|toroot@void/");
    CHECK_STR(listing("a"), "b/z|");
    CHECK_STR(listing("link"), "c|up@");
    CHECK_STR(listing("void"), "");
    Dir d;
    CHECK_EQ(dir_open(&d, "hello.txt"), FILE_ENOTDIR);
    CHECK_EQ(dir_open(&d, "nothing"), FILE_ENOENT);
}

static void no_tree(void) {
    blob = (PlatBlob){NULL, 0};
    CHECK(files_init());
    CHECK_STR(listing("."), "");
    File f;
    CHECK_EQ(file_open(&f, "hello.txt"), FILE_ENOENT);
    CHECK_STR(said, "");
}

// ---- damage

// Everything reachable, by way of the doors; returns the number of entries seen.
static int visit(const char *path, int depth) {
    Dir d;
    DirEntry e;
    int seen = 0;
    if (depth > 20 || dir_open(&d, path) != 0) return 0;
    while (dir_read(&d, &e) == 1) {
        char sub[4096];
        File f;
        FileStat st;
        unsigned char last;
        seen++;
        if (snprintf(sub, sizeof sub, "%s/%s", path, e.name) >= (int)sizeof sub) continue;
        file_stat(sub, &st);
        if (e.kind == FILE_DIRECTORY) seen += visit(sub, depth + 1);
        if (e.kind == FILE_REGULAR && file_open(&f, sub) == 0 && e.size > 0) {
            CHECK_EQ(file_pread(&f, &last, 1, 0), 1);
            CHECK_EQ(file_pread(&f, &last, 1, e.size - 1), 1);
        }
    }
    return seen;
}

static void refuse(const void *data, size_t bytes, const char *because) {
    unsigned char *copy = malloc(bytes ? bytes : 1);
    memcpy(copy, data, bytes);
    blob = (PlatBlob){copy, bytes};
    reset();
    CHECK(!files_init());
    CHECK(strstr(said, because) != NULL && strstr(said, "file tree") != NULL);
    CHECK_STR(listing("/"), "");
    free(copy);
}

static void truncation(const unsigned char *good, size_t bytes) {
    for (size_t n = 1; n < bytes; n += n < 2000 ? 1 : 997)
        refuse(good, n, "truncated");
    refuse(good, bytes - 1, "truncated");
    refuse(good, 64, "truncated");
}

static void flips(unsigned char *good, size_t bytes) {
    for (size_t i = 0; i < bytes; i += i < 3000 ? 1 : 1 + test_below(5000)) {
        good[i] ^= 0x10;
        refuse(good, bytes, "");
        good[i] ^= 0x10;
    }
    good[0] ^= 1, refuse(good, bytes, "magic"), good[0] ^= 1;
    good[8] ^= 1, refuse(good, bytes, "version"), good[8] ^= 1;
    good[bytes - 1] ^= 1, refuse(good, bytes, "data checksum"), good[bytes - 1] ^= 1;
    good[70] ^= 1, refuse(good, bytes, "index checksum"), good[70] ^= 1;
}

static void seal(unsigned char *b, size_t bytes) {
    FilesHeader *h = (FilesHeader *)b;
    if (h->data_off > bytes || h->data_off < 16) return;
    h->data_crc = crc32(0, b + h->data_off, bytes - h->data_off);
    h->index_crc = crc32(0, b + 16, h->data_off - 16);
}

static int index_of(const char *path) {
    int i = filetree_find(path, false);
    CHECK(i >= 0);
    return i;
}

// One entry made wrong on purpose, with checksums that fit.
static void forgeries(const unsigned char *good, size_t bytes) {
    unsigned char *b = malloc(bytes);
    FileEntry *e = (FileEntry *)(b + sizeof(FilesHeader));
    int a = index_of("a"), ab = index_of("a/b"), abc = index_of("a/b/c"), az = index_of("a/z"),
        file = index_of("big");
    int hello = index_of("hello.txt"), void_ = index_of("void");
#define FORGE(change, because)                                                                               \
    do {                                                                                                     \
        memcpy(b, good, bytes);                                                                              \
        change;                                                                                              \
        seal(b, bytes);                                                                                      \
        refuse(b, bytes, because);                                                                           \
    } while (0)
    FORGE(e[file].size = bytes, "content lies outside");
    FORGE(e[file].data = 8, "content lies outside");
    FORGE(e[file].data = UINT64_MAX, "content lies outside");
    FORGE(e[hello].data = e[file].data + 16, "overlaps");
    FORGE(e[file].size += 16, "overlaps");
    FORGE(e[file].kind = 9, "unknown kind");
    FORGE(e[file].name = UINT32_MAX, "name lies outside");
    FORGE(e[file].name_len = UINT32_MAX, "name lies outside");
    FORGE(e[file].name_len--, "without an end");
    FORGE(e[file].name_len++, "NUL in a name");
    FORGE(e[a].first_child = 0, "in no directory");
    FORGE(e[a].first_child = (uint32_t)a, "bad child link");
    FORGE(e[a].first_child = 1000, "bad child link");
    FORGE(e[a].first_child = (uint32_t)abc, "wrong directory");
    FORGE(e[void_].next_sibling = 1, "bad sibling link");
    FORGE(e[ab].next_sibling = 0, "in no directory");
    FORGE(e[ab].next_sibling = (uint32_t)file, "wrong directory");
    FORGE(e[az].first_child = (uint32_t)az + 1, "file with children");
    FORGE(e[a].kind = FILE_REGULAR, "file with children");
    FORGE(e[0].kind = FILE_REGULAR, "");
    FORGE(FileEntry t = e[file]; e[file] = e[hello]; e[hello] = t, "");
    FORGE(e[hello].name = e[file].name; e[hello].name_len = e[file].name_len, "not sorted");
    free(b);

    unsigned accepted = 0;
    for (int i = 0; i < 4000; i++) { // wild words in header and index: refused, or harmless
        unsigned char *wild = malloc(bytes);
        memcpy(wild, good, bytes);
        size_t words = 1 + test_below(2), index_words = ((const FilesHeader *)good)->data_off / 4;
        for (size_t k = 0; k < words; k++) {
            uint32_t *w = (uint32_t *)wild + 3 + test_below(index_words - 3);
            *w = test_below(2) ? (uint32_t)(test_rand() >> test_below(64)) : *w + (uint32_t)test_below(5) - 2;
        }
        seal(wild, bytes);
        blob = (PlatBlob){wild, bytes};
        reset();
        if (files_init()) accepted++, visit("", 0), visit("/", 0);
        free(wild);
    }
    CHECK(accepted < 4000);
}

int main(void) {
    RUN(no_tree);
    make_tree();
    size_t bytes;
    unsigned char *good = load(&bytes);
    blob = (PlatBlob){good, bytes};
    reset();
    CHECK(files_init());
    CHECK_STR(said, "");
    CHECK_EQ(visit("/", 0), 18);
    RUN(paths);
    RUN(stats);
    RUN(positions);
    RUN(directories);
    forgeries(good, bytes);
    truncation(good, bytes);
    flips(good, bytes);
    free(good);
    return test_done();
}
