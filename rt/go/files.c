// files.c -- open, read, write and their like, by the numbers that package syscall knows.
//
// 0 to 2 are the console. Other files lie in the packed tree, which cannot be changed (EROFS), or in memory below /tmp; below /dev are null, zero, random and
// urandom; pipes connect goroutines. A descriptor names an OpenFile, which dup shares.
//
// Lock: files_lock guards the table, positions, paths and all nodes. The work is done on the system stack, which is deep enough for paths and memory; data moves in
// pieces, between which the lock is free and other goroutines may run. What waits (a pipe, the console) waits on the goroutine's stack,
// with a reference to the file. So does what found no memory and waits for a collection: the world stops for that, and nobody may hold the lock then.
#include "files.h"
#include "../api/console.h"
#include "../api/fmt.h"
#include "../lib.h"
#include "random.h"

enum { PIECE = 16 << 10 };

Lock files_lock = LOCK_INIT(RANK_FILES);
Spot files_cwd;

static RecPool open_files = REC_POOL(sizeof(OpenFile));
static OpenFile *table[FDS];
static OpenFile console[3] = {{.use = USE_CONSOLE_IN, .refs = 1}, {.use = USE_CONSOLE_OUT, .refs = 1, .flags = O_WRONLY}, {.use = USE_CONSOLE_ERROR, .refs = 1, .flags = O_WRONLY}};

long files_result(intptr_t r) {
    RT_DOOR();
    if (r >= 0) return r;
    g_self()->go_errno = (int)-r;
    return -1;
}

void files_enter(Spot dir) {
    Node *old = files_cwd.node;
    if (dir.node) dir.node->open++;
    files_cwd = dir;
    if (old) tmpfs_release(old);
}

// Before the first use.
static void prepare(void *unused) {
    tmpfs_init();
    for (int i = 0; i < 3; i++)
        table[i] = &console[i];
    for (char **e = rt_envp; *e; e++) {
        Place place;
        if (memcmp(*e, "PWD=", 4) == 0 && path_resolve((Spot){NULL, 0}, *e + 4, true, &place) == 0 && place.exists && spot_is_directory(place.at))
            files_enter(place.at);
    }
}

typedef struct Locked { void (*fn)(void *); void *job; } Locked;
static void do_locked(void *arg) {
    const Locked *l = arg;
    static bool prepared; // under the lock
    lock_acquire(&files_lock);
    if (!prepared) prepare(NULL);
    prepared = true;
    l->fn(l->job);
    lock_release(&files_lock);
}
void files_do(void (*fn)(void *), void *job) {
    Locked l = {fn, job};
    sys_call(do_locked, &l);
}

bool files_try_again(intptr_t result, MemoryForce *f) { return unlikely(result == -ENOSPC || result == -ENOMEM) && memory_force(f); }

static void ready_all(void *list) {
    for (G *g = list; g;) {
        G *next = g->next;
        g->next = NULL;
        g_ready_tail(g);
        g = next;
    }
}
void files_ready(G *list) {
    if (list) sys_call(ready_all, list);
}

// ---- the table

OpenFile *file_of(int fd) { return fd >= 0 && fd < FDS ? table[fd] : NULL; }

OpenFile *file_new(Use use) {
    OpenFile *o = rec_alloc(&open_files);
    if (o) *o = (OpenFile){.use = use};
    return o;
}

int fd_new(OpenFile *o, int least) {
    for (int fd = least; fd >= 0 && fd < FDS; fd++)
        if (!table[fd]) {
            o->refs++;
            table[fd] = o;
            return fd;
        }
    return -EMFILE;
}

G *file_drop(OpenFile *o) {
    if (--o->refs > 0) return NULL;
    G *list = NULL;
    if (o->use == USE_PIPE_READ || o->use == USE_PIPE_WRITE) list = pipe_close(o->pipe, (Use)o->use);
    if (o->use == USE_FILE && o->at.node) tmpfs_release(o->at.node);
    if (o < console || o >= console + 3) rec_free(&open_files, o);
    return list;
}

bool base_of(int dirfd, Spot *out) {
    OpenFile *o = file_of(dirfd);
    if (dirfd == AT_FDCWD)
        *out = files_cwd;
    else if (o && o->use == USE_FILE)
        *out = o->at;
    else
        return false;
    return true;
}

// ---- open

typedef struct OpenJob { int dirfd; const char *path; uint32_t flags, mode; int result; } OpenJob;

// The spot to open, made or cut if the flags say so.
static int open_spot(const OpenJob *job, Spot *out) {
    Spot base;
    Place place;
    if (!base_of(job->dirfd, &base)) return -EBADF;
    int error = path_resolve(base, job->path, !(job->flags & O_NOFOLLOW) && (job->flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL), &place);
    if (error) return error;
    bool writing = (job->flags & O_ACCMODE) != 0;
    if (!place.exists) {
        if (!(job->flags & O_CREAT)) return -ENOENT;
        if (place.must_be_directory) return -EISDIR;
        if (!place.dir.node) return -EROFS;
        if (place.dir.node == &tmpfs_dev) return -EACCES;
        if (tmpfs_is_removed(place.dir.node)) return -ENOENT;
        *out = (Spot){tmpfs_create(place.dir.node, place.name, place.name_len, NODE_FILE, job->mode), 0};
        return out->node ? 0 : -ENOSPC;
    }
    *out = place.at;
    if ((job->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return -EEXIST;
    if (spot_is_directory(*out)) return writing || (job->flags & O_CREAT) ? -EISDIR : 0;
    if (job->flags & O_DIRECTORY) return -ENOTDIR;
    if (out->node ? out->node->kind == NODE_LINK : file_tree.entries[out->entry].kind == FILE_SYMLINK) return -ELOOP;
    if (writing && !out->node) return -EROFS;
    if ((job->flags & O_TRUNC) && writing && out->node->kind == NODE_FILE) return tmpfs_truncate(out->node, 0);
    return 0;
}

static void open_file(void *arg) {
    OpenJob *job = arg;
    OpenFile *o = file_new(USE_FILE);
    job->result = o ? open_spot(job, &o->at) : -ENOMEM;
    if (job->result == 0) {
        o->flags = job->flags;
        if (o->at.node) o->at.node->open++;
        job->result = fd_new(o, 3);
        if (job->result < 0) {
            o->refs = 1;
            file_drop(o);
        }
    } else if (o) {
        rec_free(&open_files, o);
    }
}
static uint32_t creation_mask = 022;

long go_lib_openat64(int dir, const char *path, int flags, uint32_t mode);
long go_lib_openat64(int dir, const char *path, int flags, uint32_t mode) {
    OpenJob job = {dir, path, (uint32_t)flags, mode & ~creation_mask, 0};
    MemoryForce force = {0, 0};
    do files_do(open_file, &job);
    while (files_try_again(job.result, &force));
    return files_result(job.result);
}
long go_lib_open64(const char *path, int flags, uint32_t mode);
long go_lib_open64(const char *path, int flags, uint32_t mode) { return go_lib_openat64(AT_FDCWD, path, flags, mode); }
long go_lib_creat64(const char *path, uint32_t mode);
long go_lib_creat64(const char *path, uint32_t mode) { return go_lib_openat64(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
long go_lib_umask(uint32_t mask);
long go_lib_umask(uint32_t mask) { return (long)__atomic_exchange_n(&creation_mask, mask & 0777, __ATOMIC_RELAXED); }

// ---- descriptors

typedef struct FdJob { int fd, arg; uint32_t value; bool exactly; intptr_t result; G *ready; OpenFile *file; } FdJob;

static intptr_t fd_result(FdJob *job) {
    files_ready(job->ready);
    return files_result(job->result);
}

static void close_fd(void *arg) {
    FdJob *job = arg;
    OpenFile *o = file_of(job->fd);
    job->result = o ? 0 : -EBADF;
    if (!o) return;
    table[job->fd] = NULL;
    job->ready = file_drop(o);
}
long go_lib_close(int fd);
long go_lib_close(int fd) {
    FdJob job = {.fd = fd};
    files_do(close_fd, &job);
    return fd_result(&job);
}

// To the lowest free descriptor from arg on, or to arg exactly.
static void dup_fd(void *arg) {
    FdJob *job = arg;
    OpenFile *o = file_of(job->fd), *old = job->exactly ? file_of(job->arg) : NULL;
    job->result = -EBADF;
    if (!o || job->arg < 0 || job->arg >= FDS) return;
    if (!job->exactly) {
        job->result = fd_new(o, job->arg);
        return;
    }
    o->refs++;
    table[job->arg] = o;
    if (old) job->ready = file_drop(old);
    job->result = job->arg;
}
static long dup_to(int fd, int to, bool exactly) {
    FdJob job = {.fd = fd, .arg = to, .exactly = exactly};
    files_do(dup_fd, &job);
    return fd_result(&job);
}
long go_lib_dup(int fd);
long go_lib_dup(int fd) { return dup_to(fd, 0, false); }
long go_lib_dup2(int fd, int to);
long go_lib_dup2(int fd, int to) { return dup_to(fd, to, true); }
long go_lib_dup3(int fd, int to, int flags);
long go_lib_dup3(int fd, int to, int flags) { return fd == to ? files_result(-EINVAL) : dup_to(fd, to, true); }

static void control_fd(void *arg) {
    enum { F_GETFD = 1, F_SETFD = 2, F_GETFL = 3, F_SETFL = 4 };
    FdJob *job = arg;
    OpenFile *o = file_of(job->fd);
    job->result = !o ? -EBADF : job->arg == F_GETFL ? (intptr_t)(o->flags & (O_ACCMODE | O_APPEND | O_NONBLOCK)) : job->arg >= F_GETFD && job->arg <= F_SETFL ? 0 : -EINVAL;
    if (o && job->arg == F_SETFL) hint_store(&o->flags, (o->flags & ~(uint32_t)(O_APPEND | O_NONBLOCK)) | (job->value & (O_APPEND | O_NONBLOCK)));
}
long go_lib_fcntl64(int fd, int cmd, long arg);
long go_lib_fcntl64(int fd, int cmd, long arg) {
    enum { F_DUPFD = 0, F_DUPFD_CLOEXEC = 1030 };
    if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) return dup_to(fd, (int)arg, false);
    FdJob job = {.fd = fd, .arg = cmd, .value = (uint32_t)arg};
    files_do(control_fd, &job);
    return files_result(job.result);
}

typedef struct PipeJob { int *fd; int flags, result; } PipeJob;
// Both ends get their numbers, or neither.
static int pipe_fds(OpenFile *r, OpenFile *w, int *fd) {
    int first = fd_new(r, 3), second = first < 0 ? first : fd_new(w, 3);
    if (second >= 0) {
        fd[0] = first;
        fd[1] = second;
        return 0;
    }
    if (first >= 0) table[first] = NULL;
    return second;
}
static void make_pipe(void *arg) {
    PipeJob *job = arg;
    struct Pipe *p = pipe_new();
    OpenFile *r = p ? file_new(USE_PIPE_READ) : NULL, *w = r ? file_new(USE_PIPE_WRITE) : NULL;
    job->result = -ENOMEM;
    if (w) {
        r->pipe = w->pipe = p;
        r->flags = (uint32_t)job->flags & O_NONBLOCK;
        w->flags = O_WRONLY | r->flags;
        job->result = pipe_fds(r, w, job->fd);
    }
    if (job->result == 0) return;
    if (w) rec_free(&open_files, w);
    if (r) rec_free(&open_files, r);
    if (p) pipe_free(p);
}
long go_lib_pipe2(int *fd, int flags);
long go_lib_pipe2(int *fd, int flags) {
    PipeJob job = {fd, flags, 0};
    MemoryForce force = {0, 0};
    do files_do(make_pipe, &job);
    while (files_try_again(job.result, &force));
    return files_result(job.result);
}
long go_lib_pipe(int *fd);
long go_lib_pipe(int *fd) { return go_lib_pipe2(fd, 0); }

// ---- reading and writing

// at < 0: at the position. file: what is no file, to be dealt with elsewhere; a pipe with a reference.
typedef struct MoveJob { int fd; bool write; void *buf; size_t n; int64_t at; intptr_t result; OpenFile *file; } MoveJob;

static intptr_t device_move(const Node *node, MoveJob *job) {
    if (job->write || node->device == DEVICE_NULL) return job->write ? (intptr_t)job->n : 0;
    memset(job->buf, 0, job->n);
    if (node->device == DEVICE_RANDOM && !go_random_fill(job->buf, job->n)) return -EIO;
    return (intptr_t)job->n;
}

// One piece of a file.
static void move_piece(void *arg) {
    MoveJob *job = arg;
    OpenFile *o = file_of(job->fd);
    job->result = -EBADF;
    if (!o) return;
    if (o->use != USE_FILE) {
        job->result = -ESPIPE;
        if (job->at >= 0) return;
        job->file = o;
        o->refs += o->use == USE_PIPE_READ || o->use == USE_PIPE_WRITE;
        return;
    }
    Node *node = o->at.node;
    bool moves = job->at < 0;
    uint64_t at = moves ? o->pos : (uint64_t)job->at;
    job->result = -EBADF;
    if (job->write ? (o->flags & O_ACCMODE) == 0 : (o->flags & O_ACCMODE) == O_WRONLY) return;
    if (spot_is_directory(o->at)) job->result = -EISDIR;
    else if (node && node->kind == NODE_DEVICE) job->result = device_move(node, job);
    else if (job->write) {
        if (moves && (o->flags & O_APPEND)) at = node->size;
        job->result = tmpfs_write(node, job->buf, job->n, at);
    } else if (node)
        job->result = (intptr_t)tmpfs_read(node, job->buf, job->n, at);
    else {
        const FileEntry *e = &file_tree.entries[o->at.entry];
        size_t n = at >= e->size ? 0 : job->n < e->size - at ? job->n : e->size - at;
        if (n) memcpy(job->buf, file_tree.base + e->data + at, n);
        job->result = (intptr_t)n;
    }
    if (moves && job->result > 0) o->pos = at + (uint64_t)job->result;
}

// Standard output parks while the console is full; standard error goes the way of reports.
typedef struct Text { const char *p; size_t n; } Text;
static void write_report(void *arg) {
    const Text *t = arg;
    plat_write(t->p, t->n);
}
typedef struct ReadJob { void *buf; size_t n; intptr_t result; } ReadJob;
static void read_console(void *arg) {
    ReadJob *job = arg;
    job->result = console_read(job->buf, job->n);
}
// Waiting for a line goes deeper than a door may.
static __attribute__((noinline)) intptr_t read_from_console(void *buf, size_t n) {
    ReadJob job = {buf, n, 0};
    call_with_stack(1024, read_console, &job);
    return job.result;
}
static intptr_t console_move(Use use, void *buf, size_t n, bool write) {
    if (write != (use != USE_CONSOLE_IN)) return -EBADF;
    if (!write) return read_from_console(buf, n);
    if (use == USE_CONSOLE_OUT) {
        print_bytes(buf, n);
    } else {
        Text t = {buf, n};
        sys_call(write_report, &t);
    }
    return (intptr_t)n;
}

static void drop_pipe(void *arg) {
    FdJob *job = arg;
    job->ready = file_drop(job->file);
}
static intptr_t pipe_move(OpenFile *o, void *buf, size_t n, bool write) {
    bool waits = !(hint_load(&o->flags) & O_NONBLOCK);
    intptr_t r = write != (o->use == USE_PIPE_WRITE) ? -EBADF : write ? pipe_write(o->pipe, buf, n, waits) : pipe_read(o->pipe, buf, n, waits);
    FdJob job = {.file = o};
    files_do(drop_pipe, &job);
    files_ready(job.ready);
    return r;
}

// at < 0: where the file is.
static intptr_t move_file(MoveJob *job, size_t n) {
    MemoryForce force = {0, 0};
    size_t done = 0;
    do {
        job->n = n - done < PIECE ? n - done : PIECE;
        do files_do(move_piece, job);
        while (files_try_again(job->result, &force));
        if (job->file || job->result <= 0) break;
        done += (size_t)job->result;
        job->buf = (char *)job->buf + job->result;
        if (job->at >= 0) job->at += job->result;
        RT_DOOR();
    } while (done < n && (job->write || (size_t)job->result == job->n));
    return done ? (intptr_t)done : job->result;
}
static long move(int fd, void *buf, size_t n, int64_t at, bool write) {
    MoveJob job = {.fd = fd, .write = write, .buf = buf, .at = at};
    intptr_t r = move_file(&job, n);
    if (job.file && job.file->use <= USE_CONSOLE_ERROR) r = console_move((Use)job.file->use, buf, n, write);
    else if (job.file) r = pipe_move(job.file, buf, n, write);
    return files_result(r);
}

long go_lib_read(int fd, void *p, size_t n);
long go_lib_read(int fd, void *p, size_t n) { return move(fd, p, n, -1, false); }
long go_lib_write(int fd, const void *p, size_t n);
long go_lib_write(int fd, const void *p, size_t n) { return move(fd, (void *)p, n, -1, true); }
long go_lib_pread64(int fd, void *p, size_t n, int64_t at);
long go_lib_pread64(int fd, void *p, size_t n, int64_t at) { return at < 0 ? files_result(-EINVAL) : move(fd, p, n, at, false); }
long go_lib_pwrite64(int fd, const void *p, size_t n, int64_t at);
long go_lib_pwrite64(int fd, const void *p, size_t n, int64_t at) { return at < 0 ? files_result(-EINVAL) : move(fd, (void *)p, n, at, true); }

typedef struct SeekJob { int fd, whence; int64_t offset, result; } SeekJob;
static void seek_file(void *arg) {
    SeekJob *job = arg;
    OpenFile *o = file_of(job->fd);
    job->result = !o ? -EBADF : o->use != USE_FILE ? -ESPIPE : 0;
    if (job->result) return;
    bool device = o->at.node && o->at.node->kind == NODE_DEVICE;
    uint64_t size = o->at.node ? o->at.node->size : file_tree.entries[o->at.entry].size;
    uint64_t from = job->whence == 1 ? o->pos : job->whence == 2 ? size : 0;
    int64_t to;
    if (job->whence < 0 || job->whence > 2 || __builtin_add_overflow((int64_t)from, job->offset, &to) || to < 0)
        job->result = -EINVAL;
    else
        o->pos = (uint64_t)(job->result = device ? 0 : to);
}
int64_t go_lib_lseek64(int fd, int64_t offset, int whence);
int64_t go_lib_lseek64(int fd, int64_t offset, int whence) {
    SeekJob job = {fd, whence, offset, 0};
    files_do(seek_file, &job);
    return files_result(job.result);
}
