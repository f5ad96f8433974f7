// dirs.c -- what changes or describes files by their paths: stat, mkdir, rename, unlink, readdir and their like.
//
// As files.c: jobs on the system stack under files_lock. The packed tree refuses changes with EROFS once it is known what they are about. The one user is root:
// permission bits are kept and shown, and forbid nothing.
#include "files.h"
#include "../api/str.h"
#include "go.h"

typedef struct PathJob {
    int dirfd;
    const char *path;
    bool follow;
    void (*act)(struct PathJob *job, Place *place); // sets result
    // arguments and results of the acts
    void *buf;
    size_t n;
    int64_t value, value2;
    intptr_t result;
} PathJob;

static void path_job(void *arg) {
    PathJob *job = arg;
    Spot base;
    Place place;
    if (!base_of(job->dirfd, &base)) {
        job->result = -EBADF;
        return;
    }
    job->result = path_resolve(base, job->path, job->follow, &place);
    if (job->result == 0) job->act(job, &place);
}
static long by_path(PathJob job) {
    MemoryForce force = {0, 0};
    do files_do(path_job, &job);
    while (files_try_again(job.result, &force));
    return files_result(job.result);
}

// ---- stat

// struct stat of Linux on x86-64.
typedef struct Stat {
    uint64_t dev, ino, nlink;
    uint32_t mode, uid, gid, pad;
    uint64_t rdev;
    int64_t size, blksize, blocks;
    int64_t times[6];
    int64_t unused[3];
} Stat;
_Static_assert(sizeof(Stat) == 144, "struct stat");
enum { S_FIFO = 0010000, S_CHARACTER = 0020000, S_DIRECTORY = 0040000, S_REGULAR = 0100000, S_LINK = 0120000 };
enum { DEV_PACKED = 1, DEV_MEMORY, DEV_CONSOLE };

static void stat_spot(Spot s, Stat *st) {
    static const uint32_t kinds[] = {[NODE_FILE] = S_REGULAR, [NODE_DIRECTORY] = S_DIRECTORY, [NODE_LINK] = S_LINK, [NODE_DEVICE] = S_CHARACTER};
    static const uint32_t packed[] = {[FILE_REGULAR] = S_REGULAR, [FILE_DIRECTORY] = S_DIRECTORY, [FILE_SYMLINK] = S_LINK};
    memset(st, 0, sizeof *st);
    st->nlink = 1;
    st->blksize = PAGE_SIZE;
    if (s.node) {
        const Node *n = s.node;
        st->dev = DEV_MEMORY;
        st->ino = n->ino;
        st->mode = n->mode | kinds[n->kind];
        st->size = (int64_t)n->size;
        int64_t times[] = {n->atime_ns, n->mtime_ns, n->mtime_ns};
        for (int i = 0; i < 3; i++) {
            st->times[2 * i] = times[i] / 1000000000;
            st->times[2 * i + 1] = times[i] % 1000000000;
        }
    } else {
        const FileEntry *e = &file_tree.entries[s.entry];
        st->dev = DEV_PACKED;
        st->ino = s.entry + 1;
        st->mode = e->mode | packed[e->kind];
        st->size = (int64_t)e->size;
    }
    st->blocks = (st->size + 511) / 512;
}
static void act_stat(PathJob *job, Place *place) {
    if (place->exists)
        stat_spot(place->at, job->buf);
    else
        job->result = -ENOENT;
}
static void stat_open(void *arg) {
    PathJob *job = arg;
    Stat *st = job->buf;
    OpenFile *o = file_of((int)job->value);
    job->result = o ? 0 : -EBADF;
    if (!o) return;
    if (o->use == USE_FILE) {
        stat_spot(o->at, st);
        return;
    }
    memset(st, 0, sizeof *st);
    st->dev = DEV_CONSOLE;
    st->ino = o->use <= USE_CONSOLE_ERROR ? 1 : (uintptr_t)o->pipe;
    st->nlink = 1;
    st->mode = o->use <= USE_CONSOLE_ERROR ? S_CHARACTER | 0620 : S_FIFO | 0600;
}

long go_lib_fstat64(int fd, Stat *st);
long go_lib_fstat64(int fd, Stat *st) {
    PathJob job = {.buf = st, .value = fd};
    files_do(stat_open, &job);
    return files_result(job.result);
}
long go_lib_fstatat64(int dir, const char *path, Stat *st, int flags);
long go_lib_fstatat64(int dir, const char *path, Stat *st, int flags) {
    return by_path((PathJob){.dirfd = dir, .path = path, .follow = !(flags & AT_NOFOLLOW), .act = act_stat, .buf = st});
}
long go_lib_stat64(const char *path, Stat *st);
long go_lib_stat64(const char *path, Stat *st) { return go_lib_fstatat64(AT_FDCWD, path, st, 0); }
long go_lib_lstat64(const char *path, Stat *st);
long go_lib_lstat64(const char *path, Stat *st) { return go_lib_fstatat64(AT_FDCWD, path, st, AT_NOFOLLOW); }

static void act_access(PathJob *job, Place *place) {
    if (!place->exists) job->result = -ENOENT;
    else if ((job->value & 2) && !place->at.node) job->result = -EROFS;
}
long go_lib_faccessat(int dir, const char *path, int mode, int flags);
long go_lib_faccessat(int dir, const char *path, int mode, int flags) {
    return by_path((PathJob){.dirfd = dir, .path = path, .follow = true, .act = act_access, .value = mode});
}
long go_lib_access(const char *path, int mode);
long go_lib_access(const char *path, int mode) { return go_lib_faccessat(AT_FDCWD, path, mode, 0); }

static void act_readlink(PathJob *job, Place *place) {
    Spot s = place->at;
    job->result = -ENOENT;
    if (!place->exists) return;
    const FileEntry *e = s.node ? NULL : &file_tree.entries[s.entry];
    job->result = -EINVAL;
    if (e ? e->kind != FILE_SYMLINK : s.node->kind != NODE_LINK) return;
    if (!e) {
        job->result = (intptr_t)tmpfs_read(s.node, job->buf, job->n, 0);
        return;
    }
    size_t n = e->size < job->n ? e->size : job->n;
    memcpy(job->buf, file_tree.base + e->data, n);
    job->result = (intptr_t)n;
}
long go_lib_readlink(const char *path, char *buf, size_t room);
long go_lib_readlink(const char *path, char *buf, size_t room) {
    return by_path((PathJob){.dirfd = AT_FDCWD, .path = path, .act = act_readlink, .buf = buf, .n = room});
}

// ---- making

// The directory that shall hold a new entry; an error if there is none, or the name is taken.
static int place_for_new(const Place *place) {
    return place->exists ? -EEXIST : !place->dir.node ? -EROFS : place->dir.node == &tmpfs_dev ? -EACCES : tmpfs_is_removed(place->dir.node) ? -ENOENT : 0;
}
static void act_mkdir(PathJob *job, Place *place) {
    job->result = place_for_new(place);
    if (job->result) return;
    if (!tmpfs_create(place->dir.node, place->name, place->name_len, NODE_DIRECTORY, (uint32_t)job->value)) job->result = -ENOSPC;
}
long go_lib_umask(uint32_t mask);
long go_lib_mkdirat(int dir, const char *path, uint32_t mode);
long go_lib_mkdirat(int dir, const char *path, uint32_t mode) {
    uint32_t mask = (uint32_t)go_lib_umask(022);
    go_lib_umask(mask);
    return by_path((PathJob){.dirfd = dir, .path = path, .act = act_mkdir, .value = mode & ~mask});
}
long go_lib_mkdir(const char *path, uint32_t mode);
long go_lib_mkdir(const char *path, uint32_t mode) { return go_lib_mkdirat(AT_FDCWD, path, mode); }

static void act_symlink(PathJob *job, Place *place) {
    job->result = place_for_new(place);
    if (job->result) return;
    Node *n = tmpfs_create(place->dir.node, place->name, place->name_len, NODE_LINK, 0777);
    intptr_t wrote = n ? tmpfs_write(n, job->buf, job->n, 0) : -ENOSPC;
    if (n && wrote < (intptr_t)job->n) tmpfs_unlink(n);
    job->result = wrote < (intptr_t)job->n ? -ENOSPC : 0;
}
long go_lib_symlink(const char *target, const char *path);
long go_lib_symlink(const char *target, const char *path) {
    size_t n = strlen(target);
    if (n == 0 || n >= PATH_BYTES) return files_result(n ? -ENAMETOOLONG : -ENOENT);
    return by_path((PathJob){.dirfd = AT_FDCWD, .path = path, .act = act_symlink, .buf = (void *)target, .n = n});
}

// ---- removing

enum { REMOVE_FILE = 1, REMOVE_DIRECTORY };
static void act_remove(PathJob *job, Place *place) {
    Node *n = place->at.node;
    job->result = -ENOENT;
    if (!place->exists) return;
    bool directory = spot_is_directory(place->at);
    job->result = -EROFS;
    if (!n) return;
    if (job->value == REMOVE_DIRECTORY && !directory) job->result = -ENOTDIR;
    else if (job->value == REMOVE_FILE && directory) job->result = -EISDIR;
    else if (place->dots) job->result = place->dots == 1 ? -EINVAL : -ENOTEMPTY;
    else if (n == &tmpfs_tmp || n == &tmpfs_dev) job->result = -EBUSY;
    else if (n->parent == &tmpfs_dev) job->result = -EPERM;
    else if (directory && n->first) job->result = -ENOTEMPTY;
    else {
        tmpfs_unlink(n);
        job->result = 0;
    }
}
static long remove_at(int dir, const char *path, int what) {
    return by_path((PathJob){.dirfd = dir, .path = path, .act = act_remove, .value = what});
}
long go_lib_unlink(const char *path);
long go_lib_unlink(const char *path) { return remove_at(AT_FDCWD, path, REMOVE_FILE); }
long go_lib_rmdir(const char *path);
long go_lib_rmdir(const char *path) { return remove_at(AT_FDCWD, path, REMOVE_DIRECTORY); }
long go_lib_unlinkat(int dir, const char *path, int flags);
long go_lib_unlinkat(int dir, const char *path, int flags) { return remove_at(dir, path, flags & AT_REMOVEDIR ? REMOVE_DIRECTORY : REMOVE_FILE); }

// ---- renaming: two paths

typedef struct RenameJob { int dir1, dir2; const char *from, *to; intptr_t result; } RenameJob;
static intptr_t rename_node(const RenameJob *job) {
    Spot base;
    Place from, to;
    if (!base_of(job->dir1, &base)) return -EBADF;
    int error = path_resolve(base, job->from, false, &from);
    if (error) return error;
    if (!from.exists) return -ENOENT;
    if (!base_of(job->dir2, &base)) return -EBADF;
    error = path_resolve(base, job->to, false, &to);
    if (error) return error;
    Node *n = from.at.node, *old = to.exists ? to.at.node : NULL;
    if (!n || (to.exists ? !old : !to.dir.node)) return n || old || to.dir.node ? -EXDEV : -EROFS;
    Node *dir = to.dir.node;
    if (!from.name_len || !to.name_len || !n->parent || (old && !old->parent) || n->parent == &tmpfs_dev || dir == &tmpfs_dev) return -EBUSY;
    if (tmpfs_is_removed(dir)) return -ENOENT;
    if (n == old) return 0;
    if (tmpfs_is_inside(dir, n)) return -EINVAL;
    bool directory = n->kind == NODE_DIRECTORY;
    if (to.must_be_directory && !directory) return -ENOTDIR;
    if (old && directory != (old->kind == NODE_DIRECTORY)) return directory ? -ENOTDIR : -EISDIR;
    if (old && old->first) return -ENOTEMPTY;
    if (old) tmpfs_unlink(old);
    tmpfs_move(n, dir, to.name, to.name_len);
    return 0;
}
static void rename_job(void *arg) { ((RenameJob *)arg)->result = rename_node(arg); }
long go_lib_renameat(int dir1, const char *from, int dir2, const char *to);
long go_lib_renameat(int dir1, const char *from, int dir2, const char *to) {
    RenameJob job = {dir1, dir2, from, to, 0};
    files_do(rename_job, &job);
    return files_result(job.result);
}
long go_lib_rename(const char *from, const char *to);
long go_lib_rename(const char *from, const char *to) { return go_lib_renameat(AT_FDCWD, from, AT_FDCWD, to); }

// ---- changing

typedef enum { CHANGE_MODE, CHANGE_SIZE, CHANGE_TIMES } Change;
static intptr_t change(Spot s, Change what, int64_t value, int64_t value2) {
    Node *n = s.node;
    if (!n) return -EROFS;
    if (what == CHANGE_MODE) n->mode = (uint16_t)(value & 07777);
    if (what == CHANGE_TIMES) n->atime_ns = value, n->mtime_ns = value2;
    if (what != CHANGE_SIZE) return 0;
    return n->kind == NODE_DIRECTORY ? -EISDIR : n->kind != NODE_FILE || value < 0 ? -EINVAL : tmpfs_truncate(n, (uint64_t)value);
}
static void act_change(PathJob *job, Place *place) { job->result = place->exists ? change(place->at, (Change)job->n, job->value, job->value2) : -ENOENT; }
static void change_open(void *arg) {
    PathJob *job = arg;
    OpenFile *o = file_of(job->dirfd);
    job->result = !o ? -EBADF : o->use != USE_FILE || (job->n == CHANGE_SIZE && !(o->flags & O_ACCMODE)) ? -EINVAL : change(o->at, (Change)job->n, job->value, job->value2);
}
static long change_path(int dir, const char *path, Change what, int64_t v, int64_t v2, bool follow) {
    return by_path((PathJob){.dirfd = dir, .path = path, .follow = follow, .act = act_change, .n = what, .value = v, .value2 = v2});
}
static long change_fd(int fd, Change what, int64_t v) {
    PathJob job = {.dirfd = fd, .n = what, .value = v};
    files_do(change_open, &job);
    return files_result(job.result);
}
long go_lib_chmod(const char *path, uint32_t mode);
long go_lib_chmod(const char *path, uint32_t mode) { return change_path(AT_FDCWD, path, CHANGE_MODE, mode, 0, true); }
long go_lib_fchmodat(int dir, const char *path, uint32_t mode, int flags);
long go_lib_fchmodat(int dir, const char *path, uint32_t mode, int flags) { return change_path(dir, path, CHANGE_MODE, mode, 0, true); }
long go_lib_fchmod(int fd, uint32_t mode);
long go_lib_fchmod(int fd, uint32_t mode) { return change_fd(fd, CHANGE_MODE, mode); }
long go_lib_truncate64(const char *path, int64_t size);
long go_lib_truncate64(const char *path, int64_t size) { return change_path(AT_FDCWD, path, CHANGE_SIZE, size, 0, true); }
long go_lib_ftruncate64(int fd, int64_t size);
long go_lib_ftruncate64(int fd, int64_t size) { return change_fd(fd, CHANGE_SIZE, size); }
typedef struct Times { int64_t sec, part; } Times;
long go_lib_utimensat(int dir, const char *path, const Times t[2], int flags);
long go_lib_utimensat(int dir, const char *path, const Times t[2], int flags) {
    return change_path(dir, path, CHANGE_TIMES, t[0].sec * 1000000000 + t[0].part, t[1].sec * 1000000000 + t[1].part, !(flags & AT_NOFOLLOW));
}
long go_lib_utimes(const char *path, const Times t[2]);
long go_lib_utimes(const char *path, const Times t[2]) {
    return change_path(AT_FDCWD, path, CHANGE_TIMES, t[0].sec * 1000000000 + t[0].part * 1000, t[1].sec * 1000000000 + t[1].part * 1000, true);
}
// Everything is always where it will ever be.
static void sync_open(void *arg) {
    PathJob *job = arg;
    job->result = file_of(job->dirfd) ? 0 : -EBADF;
}
long go_lib_fsync(int fd);
long go_lib_fsync(int fd) {
    PathJob job = {.dirfd = fd};
    files_do(sync_open, &job);
    return files_result(job.result);
}
long go_lib_fdatasync(int fd);
long go_lib_fdatasync(int fd) { return go_lib_fsync(fd); }

// ---- the current directory: one for the whole program

static void act_chdir(PathJob *job, Place *place) {
    if (!place->exists) job->result = -ENOENT;
    else if (!spot_is_directory(place->at)) job->result = -ENOTDIR;
    else files_enter(place->at);
}
long go_lib_chdir(const char *path);
long go_lib_chdir(const char *path) { return by_path((PathJob){.dirfd = AT_FDCWD, .path = path, .follow = true, .act = act_chdir}); }
long go_lib_fchdir(int fd);
long go_lib_fchdir(int fd) { return by_path((PathJob){.dirfd = fd, .path = ".", .follow = true, .act = act_chdir}); }
static void cwd_job(void *arg) {
    PathJob *job = arg;
    job->result = path_of(files_cwd, job->buf, job->n);
}
char *go_lib_getcwd(char *buf, size_t room);
char *go_lib_getcwd(char *buf, size_t room) {
    PathJob job = {.buf = buf, .n = room};
    files_do(cwd_job, &job);
    return files_result(job.result) < 0 ? NULL : buf;
}

// ---- directories

typedef struct Dirent { uint64_t ino; int64_t off; uint16_t reclen; uint8_t type; char name[NAME_BYTES]; } Dirent;
typedef struct DirStream { int fd; Dirent entry; } DirStream;
// Positions in the packed root behind its own entries.
#define AT_START 0ull
#define AT_TMP   (1ull << 32)
#define AT_DEV   (AT_TMP + 1)
#define AT_END   (AT_TMP + 2)

static void entry_set(Dirent *d, uint64_t ino, uint8_t type, const char *name, size_t n) {
    *d = (Dirent){.ino = ino, .reclen = sizeof *d, .type = type};
    memcpy(d->name, name, n < NAME_BYTES ? n : NAME_BYTES - 1);
}
static bool read_packed(OpenFile *o, Dirent *d) {
    const FileEntry *dir = &file_tree.entries[o->at.entry];
    while (o->pos < AT_TMP) {
        uint64_t i = o->pos == AT_START ? dir->first_child : file_tree.entries[o->pos].next_sibling;
        if (i == 0) {
            o->pos = o->at.entry == 0 ? AT_TMP : AT_END;
            break;
        }
        o->pos = i;
        const FileEntry *e = &file_tree.entries[i];
        size_t at = dir->name_len ? dir->name_len + 1u : 0, n = e->name_len - at;
        const char *name = entry_path(e) + at;
        if (at == 0 && n == 3 && (memcmp(name, "tmp", 3) == 0 || memcmp(name, "dev", 3) == 0)) continue;
        entry_set(d, i + 1, e->kind == FILE_DIRECTORY ? 4 : e->kind == FILE_SYMLINK ? 10 : 8, name, n);
        return true;
    }
    if (o->pos == AT_END) return false;
    const Node *n = o->pos == AT_TMP ? &tmpfs_tmp : &tmpfs_dev;
    o->pos++;
    entry_set(d, n->ino, 4, n->name, n->name_len);
    return true;
}
static void read_entry(void *arg) {
    static const uint8_t types[] = {[NODE_FILE] = 8, [NODE_DIRECTORY] = 4, [NODE_LINK] = 10, [NODE_DEVICE] = 2};
    PathJob *job = arg;
    DirStream *stream = job->buf;
    OpenFile *o = file_of(stream->fd);
    job->result = 0;
    if (!o || o->use != USE_FILE || !spot_is_directory(o->at)) return;
    const Node *n = o->at.node ? tmpfs_after(o->at.node, o->pos) : NULL;
    if (!o->at.node) {
        job->result = read_packed(o, &stream->entry);
    } else if (n) {
        o->pos = n->seq;
        entry_set(&stream->entry, n->ino, types[n->kind], n->name, n->name_len);
        job->result = 1;
    }
}

static void check_directory(void *arg) {
    PathJob *job = arg;
    OpenFile *o = file_of(job->dirfd);
    job->result = !o ? -EBADF : o->use == USE_FILE && spot_is_directory(o->at) ? 0 : -ENOTDIR;
}
DirStream *go_lib_fdopendir(int fd);
DirStream *go_lib_fdopendir(int fd) {
    PathJob job = {.dirfd = fd};
    files_do(check_directory, &job);
    if (files_result(job.result) < 0) return NULL;
    DirStream *d = go_alloc_noscan(sizeof *d);
    d->fd = fd;
    return d;
}
Dirent *go_lib_readdir64(DirStream *d);
Dirent *go_lib_readdir64(DirStream *d) {
    PathJob job = {.buf = d};
    files_do(read_entry, &job);
    return files_result(job.result) > 0 ? &d->entry : NULL;
}
long go_lib_close(int fd);
long go_lib_closedir(DirStream *d);
long go_lib_closedir(DirStream *d) { return go_lib_close(d->fd); }
