// file.c -- the doors of api/file.h over the file tree of the image (filetree.c).
//
// File and Dir hold an index into the tree and a mark that they are open. They are the program's memory, so
// both are checked at every use. Nothing is locked or allocated: the tree is constant. Context: goroutines.
#include "api/str.h"
#include "core.h"
#include "filetree.h"

enum { STATE_FILE = 0x656c6946, STATE_DIR = 0x00726944 }; // open: "File", "Dir"

typedef struct WalkJob {
    const char *path;
    bool follow;
    int result;
} WalkJob;

static void walk_job(void *arg) {
    WalkJob *job = arg;
    job->result = filetree_find(job->path, job->follow);
}

// Index of the entry that path names, or a FileError.
static int path_find(const char *path, bool follow) {
    WalkJob job = {path, follow, 0};
    sys_call(walk_job, &job);
    RT_DOOR();
    return job.result;
}

// ---- doors

const char *file_error_text(int code) {
    switch (code) {
    case 0:
        return "no error";
    case FILE_ENOENT:
        return "no such file or directory";
    case FILE_EBADF:
        return "bad file descriptor";
    case FILE_ENOTDIR:
        return "not a directory";
    case FILE_EISDIR:
        return "is a directory";
    case FILE_EINVAL:
        return "invalid argument";
    case FILE_ELOOP:
        return "too many levels of symbolic links";
    default:
        return "unknown error";
    }
}

static void stat_of(const FileEntry *e, FileStat *st) {
    *st = (FileStat){(FileKind)e->kind, e->mode, e->size};
}

static int stat_path(const char *path, bool follow, FileStat *st) {
    int i = path_find(path, follow);
    if (i < 0) return i;
    stat_of(&file_tree.entries[i], st);
    return 0;
}

int file_stat(const char *path, FileStat *st) {
    return stat_path(path, true, st);
}
int file_lstat(const char *path, FileStat *st) {
    return stat_path(path, false, st);
}

intptr_t file_readlink(const char *path, char *buf, size_t room) {
    int i = path_find(path, false);
    if (i < 0) return i;
    const FileEntry *e = &file_tree.entries[i];
    if (e->kind != FILE_SYMLINK) return FILE_EINVAL;
    if (room > 0) {
        size_t n = e->size < room ? e->size : room - 1;
        mem_copy(buf, file_tree.base + e->data, n);
        buf[n] = 0;
    }
    return (intptr_t)e->size;
}

int file_open(File *f, const char *path) {
    *f = (File){0, 0, 0};
    int i = path_find(path, true);
    if (i < 0) return i;
    if (file_tree.entries[i].kind != FILE_REGULAR) return FILE_EISDIR;
    *f = (File){(uint32_t)i, STATE_FILE, 0};
    return 0;
}

// NULL: f is not open. A File that was scribbled over does not lead outside the file_tree.
static const FileEntry *open_entry(const File *f) {
    return f->state == STATE_FILE && f->entry < file_tree.count &&
                   file_tree.entries[f->entry].kind == FILE_REGULAR
               ? &file_tree.entries[f->entry]
               : NULL;
}

int file_close(File *f) {
    bool open = open_entry(f) != NULL;
    *f = (File){0, 0, 0};
    return open ? 0 : FILE_EBADF;
}

intptr_t file_pread(const File *f, void *buf, size_t n, uint64_t offset) {
    const FileEntry *e = open_entry(f);
    if (!e) return FILE_EBADF;
    if (offset >= e->size) return 0;
    if (n > e->size - offset) n = e->size - offset;
    mem_copy(buf, file_tree.base + e->data + offset, n);
    RT_DOOR();
    return (intptr_t)n;
}

intptr_t file_read(File *f, void *buf, size_t n) {
    intptr_t got = file_pread(f, buf, n, f->pos);
    if (got > 0) f->pos += (uint64_t)got;
    return got;
}

int64_t file_seek(File *f, int64_t offset, FileWhence whence) {
    const FileEntry *e = open_entry(f);
    if (!e) return FILE_EBADF;
    if (whence != FILE_SEEK_SET && whence != FILE_SEEK_CURRENT && whence != FILE_SEEK_END) return FILE_EINVAL;
    uint64_t from = whence == FILE_SEEK_SET ? 0 : whence == FILE_SEEK_CURRENT ? f->pos : e->size;
    int64_t pos;
    if (__builtin_add_overflow((int64_t)from, offset, &pos) || pos < 0) return FILE_EINVAL;
    f->pos = (uint64_t)pos;
    return pos;
}

int file_fstat(const File *f, FileStat *st) {
    const FileEntry *e = open_entry(f);
    if (!e) return FILE_EBADF;
    stat_of(e, st);
    return 0;
}

int file_map(const File *f, const void **data, size_t *bytes) {
    const FileEntry *e = open_entry(f);
    if (!e) return FILE_EBADF;
    *data = file_tree.base + e->data;
    *bytes = e->size;
    return 0;
}

int dir_open(Dir *d, const char *path) {
    *d = (Dir){0, 0};
    int i = path_find(path, true);
    if (i < 0) return i;
    if (file_tree.entries[i].kind != FILE_DIRECTORY) return FILE_ENOTDIR;
    *d = (Dir){file_tree.entries[i].first_child, STATE_DIR};
    return 0;
}

int dir_read(Dir *d, DirEntry *entry) {
    if (d->state != STATE_DIR || d->next >= file_tree.count) return FILE_EBADF;
    if (d->next == 0) return 0;
    const FileEntry *e = &file_tree.entries[d->next];
    size_t at = e->name_len;
    while (at > 0 && entry_path(e)[at - 1] != '/')
        at--;
    *entry = (DirEntry){entry_path(e) + at, e->name_len - at, (FileKind)e->kind, e->size};
    d->next = e->next_sibling;
    RT_DOOR();
    return 1;
}

int dir_close(Dir *d) {
    bool open = d->state == STATE_DIR;
    *d = (Dir){0, 0};
    return open ? 0 : FILE_EBADF;
}
