// filetree.c -- the read-only file tree of the image: checked once, then searched in place.
//
// The format is described once, at the head of scripts/pack_blob.py; the structs here repeat it. The tree is
// an index sorted by path, so a path is found by binary search, and sibling links, so a directory is read
// without one.
//
// files_init checks everything before other cores run: lengths, both checksums, and every field of every
// entry, so that the rest trusts the index. A tree that fails is named and the boot ends: a truncated tree is
// never read as a smaller one.
//
// Locks: none, all is constant after files_init. Context: system stack (walking a path recurses over symbolic
// links).
#include "filetree.h"
#include "api/str.h"
#include "crc32.h"
#include "lib.h"
#include "rt.h"

typedef struct FilesHeader {
    char magic[8];
    uint32_t version;
    uint32_t index_crc;
    uint64_t total_bytes;
    uint64_t data_off;
    uint32_t data_crc;
    uint32_t entry_count;
    uint32_t entry_size;
    uint32_t names_bytes;
    uint64_t entries_off;
    uint64_t names_off;
} FilesHeader;
_Static_assert(sizeof(FilesHeader) == 64, "format of scripts/pack_blob.py");

enum { FILES_VERSION = 1, FILES_CRC_FROM = 16, LINKS_MAX = 8 };

static const FileEntry no_files = {.kind = FILE_DIRECTORY};
FileTree file_tree = {"", &no_files, "", 1};

// ---- check

static bool same_bytes(const char *a, const char *b, size_t n) {
    while (n > 0 && *a == *b)
        a++, b++, n--;
    return n == 0;
}

// As memcmp, then the shorter first: the order of the index.
static int path_order(const char *a, size_t an, const char *b, size_t bn) {
    size_t n = an < bn ? an : bn;
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i]) return (uint8_t)a[i] < (uint8_t)b[i] ? -1 : 1;
    return an < bn ? -1 : an > bn;
}

static const char *header_fault(const FilesHeader *h, size_t bytes) {
    if (bytes < sizeof *h) return "truncated: shorter than its header";
    if ((uintptr_t)h % 8 != 0) return "not aligned in the image";
    if (!same_bytes(h->magic, "BRWFILES", 8)) return "not a file tree (bad magic)";
    if (h->version != FILES_VERSION || h->entry_size != sizeof(FileEntry)) return "unknown version";
    if (h->total_bytes > bytes) return "truncated: shorter than its header says";
    if (h->data_off > h->total_bytes || h->data_off < sizeof *h) return "data lies outside";
    if (h->entries_off < sizeof *h || h->entries_off % 8 != 0 || h->entries_off > h->data_off ||
        h->entry_count > (h->data_off - h->entries_off) / sizeof(FileEntry) || h->entry_count == 0)
        return "index lies outside";
    if (h->names_off < sizeof *h || h->names_off > h->data_off || h->names_bytes > h->data_off - h->names_off)
        return "names lie outside";
    return NULL;
}

static const char *checksum_fault(const FilesHeader *h) {
    const char *base = (const char *)h;
    if (crc32(0, base + FILES_CRC_FROM, h->data_off - FILES_CRC_FROM) != h->index_crc)
        return "index checksum mismatch";
    if (crc32(0, base + h->data_off, h->total_bytes - h->data_off) != h->data_crc)
        return "data checksum mismatch";
    return NULL;
}

static const char *name_fault(const FilesHeader *h, const FileEntry *e, const char *names) {
    if (e->name >= h->names_bytes || e->name_len >= h->names_bytes - e->name) return "name lies outside";
    for (uint32_t i = 0; i < e->name_len; i++)
        if (!names[e->name + i]) return "NUL in a name";
    return names[e->name + e->name_len] ? "name without an end" : NULL;
}

static const char *content_fault(const FilesHeader *h, const FileEntry *e) {
    if (e->kind < FILE_REGULAR || e->kind > FILE_SYMLINK) return "unknown kind";
    if (e->kind == FILE_DIRECTORY) return e->data || e->size ? "directory with content" : NULL;
    if (e->first_child) return "file with children";
    if (e->data < h->data_off || e->data > h->total_bytes || e->size > h->total_bytes - e->data)
        return "content lies outside";
    return NULL;
}

// Contents follow each other in the order of the index; *end is where the previous one ended.
static const char *overlap_fault(const FileEntry *e, uint64_t *end) {
    if (e->kind == FILE_DIRECTORY || e->size == 0) return NULL;
    if (e->data < *end) return "content overlaps another's";
    *end = e->data + e->size;
    return NULL;
}

// Entry i against its neighbours in the order. Links go forward in the index, so that walking them ends.
static const char *order_fault(const FilesHeader *h, const FileEntry *entries, const char *names,
                               uint32_t i) {
    const FileEntry *e = &entries[i], *before = &entries[i ? i - 1 : 0];
    if ((e->first_child && e->first_child <= i) || e->first_child >= h->entry_count) return "bad child link";
    if ((e->next_sibling && e->next_sibling <= i) || e->next_sibling >= h->entry_count)
        return "bad sibling link";
    if (i == 0) return e->name_len || e->kind != FILE_DIRECTORY || e->next_sibling ? "bad root" : NULL;
    if (path_order(names + before->name, before->name_len, names + e->name, e->name_len) >= 0)
        return "index not sorted";
    return NULL;
}

static bool is_child(const char *names, const FileEntry *dir, const FileEntry *e) {
    size_t at = dir->name_len ? dir->name_len + 1 : 0; // where the last component begins
    if (e->name_len <= at || !same_bytes(names + dir->name, names + e->name, dir->name_len)) return false;
    if (at && names[e->name + at - 1] != '/') return false;
    for (size_t i = at; i < e->name_len; i++)
        if (names[e->name + i] == '/') return false;
    return true;
}

// Every entry but the root hangs below exactly one directory, by its own path. Links go forward, so no list
// has a loop; that each entry but the root is on some list follows from the count.
static const char *links_fault(const FilesHeader *h, const FileEntry *entries, const char *names) {
    uint32_t linked = 0;
    for (uint32_t i = 0; i < h->entry_count; i++)
        for (uint32_t c = entries[i].first_child; c; c = entries[c].next_sibling, linked++)
            if (!is_child(names, &entries[i], &entries[c])) return "entry in the wrong directory";
    return linked != h->entry_count - 1 ? "entry in no directory" : NULL;
}

// NULL: the blob is good. Else what is wrong, and *entry is the entry concerned (or UINT32_MAX).
static const char *blob_fault(PlatBlob blob, uint32_t *entry) {
    const FilesHeader *h = blob.data;
    *entry = UINT32_MAX;
    const char *fault = header_fault(h, blob.bytes);
    if (!fault) fault = checksum_fault(h);
    if (fault) return fault;

    const FileEntry *entries = (const FileEntry *)((const char *)h + h->entries_off);
    const char *names = (const char *)h + h->names_off;
    uint64_t end = 0;
    for (uint32_t i = 0; i < h->entry_count && !fault; i++) {
        *entry = i;
        fault = name_fault(h, &entries[i], names);
        if (!fault) fault = content_fault(h, &entries[i]);
        if (!fault) fault = overlap_fault(&entries[i], &end);
        if (!fault) fault = order_fault(h, entries, names, i);
    }
    if (fault) return fault;
    *entry = UINT32_MAX;
    return links_fault(h, entries, names);
}

bool files_init(void) {
    PlatBlob blob = plat_blob_files();
    if (blob.bytes == 0) return true;
    uint32_t entry;
    const char *fault = blob_fault(blob, &entry);
    if (fault) {
        rt_printf("file tree of the image (%zu bytes): %s", blob.bytes, fault);
        if (entry != UINT32_MAX) rt_printf(", entry %u", entry);
        rt_printf("\n");
        return false;
    }
    const FilesHeader *h = blob.data;
    file_tree.base = blob.data;
    file_tree.entries = (const FileEntry *)(file_tree.base + h->entries_off);
    file_tree.names = file_tree.base + h->names_off;
    file_tree.count = h->entry_count;
    return true;
}

// ---- paths

// Order of entry e against the path dir + "/" + name.
static int child_order(const FileEntry *e, const FileEntry *dir, const char *name, size_t n) {
    const char *path = entry_path(e);
    size_t left = e->name_len;
    if (dir->name_len) {
        size_t prefix = dir->name_len;
        if (left <= prefix) {
            int r = path_order(path, left, entry_path(dir), prefix);
            return r ? r : -1;
        }
        int r = path_order(path, prefix, entry_path(dir), prefix);
        if (r) return r;
        if (path[prefix] != '/') return (uint8_t)path[prefix] < '/' ? -1 : 1;
        path += prefix + 1, left -= prefix + 1;
    }
    return path_order(path, left, name, n);
}

// Index of the entry, or FILE_ENOENT.
static int child_find(uint32_t dir, const char *name, size_t n) {
    uint32_t lo = 1, hi = file_tree.count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int r = child_order(&file_tree.entries[mid], &file_tree.entries[dir], name, n);
        if (r == 0) return (int)mid;
        if (r < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return FILE_ENOENT;
}

// The directory that holds `dir`.
static uint32_t parent_of(uint32_t dir) {
    const FileEntry *e = &file_tree.entries[dir];
    size_t n = e->name_len;
    while (n > 0 && entry_path(e)[n - 1] != '/')
        n--;
    if (n == 0) return 0;
    int i = child_find(0, entry_path(e), n - 1); // a path from the root is found in one search
    return i < 0 ? 0 : (uint32_t)i;
}

// Follows path (n bytes) from directory `at`; a link at the end too if `follow`. links counts those followed.
// System stack.
static int walk(uint32_t at, const char *path, size_t n, bool follow, int *links) {
    const char *end = path + n;
    if (n == 0) return FILE_ENOENT;
    if (*path == '/') at = 0;
    while (path < end) {
        if (file_tree.entries[at].kind != FILE_DIRECTORY) return FILE_ENOTDIR;
        if (*path == '/') {
            path++;
            continue;
        }
        const char *name = path;
        while (path < end && *path != '/')
            path++;
        size_t len = (size_t)(path - name);
        if (len == 1 && name[0] == '.') continue;
        if (len == 2 && name[0] == '.' && name[1] == '.') {
            at = parent_of(at);
            continue;
        }
        int found = child_find(at, name, len);
        if (found < 0) return found;
        const FileEntry *e = &file_tree.entries[found];
        if (e->kind == FILE_SYMLINK && (follow || path < end)) {
            if (++*links > LINKS_MAX) return FILE_ELOOP;
            found = walk(at, file_tree.base + e->data, e->size, true, links);
            if (found < 0) return found;
        }
        at = (uint32_t)found;
    }
    return (int)at;
}

int filetree_find(const char *path, bool follow) {
    int links = 0;
    return walk(0, path, strlen(path), follow, &links);
}
