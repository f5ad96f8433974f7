// libc.c -- the functions of C's library that libgo's packages call: those that mean something here. The others answer ENOSYS (libc_none.asm).
//
// scripts/go_link.py renames libgo's calls of NAME to go_lib_NAME. Package syscall calls them as functions of C and then asks for errno, which is the
// goroutine's own. Files: 0 to 2 are the console; others the files of the packed tree (api/file.h), read-only.
#include "go.h"
#include "../api/file.h"
#include "../api/fmt.h"
#include "../api/str.h"
#include "../api/sync.h"
#include "../format.h"
#include "../sched.h"

enum { EPERM = 1, ENOENT = 2, EBADF = 9, EINVAL = 22, EMFILE = 24, ESPIPE = 29, EROFS = 30, ERANGE = 34, ENOSYS = 38 };

int *go_lib___errno_location(void);
int *go_lib___errno_location(void) { return &g_self()->go_errno; }
static long fail(int error) {
    g_self()->go_errno = error;
    return -1;
}
long go_lib_no_such_call(void); // libc_none.asm
long go_lib_no_such_call(void) { return fail(ENOSYS); }

// ---- open files

typedef enum { FREE, OPENING, PLAIN, DIRECTORY } Use;
typedef struct OpenFile { Use use; File file; Dir dir; Mutex lock; char path[200]; } OpenFile;
#define FIRST_FD 3
#define FILES    64
static OpenFile files[FILES];
static Mutex files_lock;

static OpenFile *file_at(int fd, Use use) {
    int i = fd - FIRST_FD;
    return i >= 0 && i < FILES && files[i].use == use ? &files[i] : NULL;
}

enum { O_ACCMODE = 3, O_CREAT = 0100, O_DIRECTORY = 0200000 };

static size_t path_copy(char *to, const char *path, size_t room) {
    size_t n = 0;
    for (; path[n] && n + 1 < room; n++)
        to[n] = path[n];
    to[n] = 0;
    return n;
}

long go_lib_open64(const char *path, int flags);
long go_lib_open64(const char *path, int flags) {
    if (flags & (O_ACCMODE | O_CREAT)) return fail(EROFS);
    OpenFile *o = NULL;
    mutex_lock(&files_lock);
    for (int i = 0; i < FILES && !o; i++)
        if (files[i].use == FREE) o = &files[i];
    if (o) o->use = OPENING;
    mutex_unlock(&files_lock);
    if (!o) return fail(EMFILE);
    path_copy(o->path, path, sizeof o->path);
    int r = file_open(&o->file, path);
    Use use = PLAIN;
    if (r == FILE_EISDIR) {
        r = dir_open(&o->dir, path);
        use = DIRECTORY;
    }
    o->use = r < 0 ? FREE : use;
    return r < 0 ? fail(-r) : FIRST_FD + (o - files);
}
long go_lib_openat64(int dir, const char *path, int flags);
long go_lib_openat64(int dir, const char *path, int flags) { return go_lib_open64(path, flags); }

long go_lib_close(int fd);
long go_lib_close(int fd) {
    if (fd >= 0 && fd < FIRST_FD) return 0;
    OpenFile *o = file_at(fd, PLAIN);
    if (!o) o = file_at(fd, DIRECTORY);
    if (!o) return fail(EBADF);
    o->use == PLAIN ? file_close(&o->file) : dir_close(&o->dir);
    o->use = FREE;
    return 0;
}

// Standard output parks while the console is full; standard error goes the way of reports.
typedef struct Text { const char *p; size_t n; } Text;
static void write_report(void *arg) {
    const Text *t = arg;
    plat_write(t->p, t->n);
}
static __attribute__((noinline)) void write_error(const char *p, size_t n) {
    Text t = {p, n};
    sys_call(write_report, &t);
    RT_DOOR();
}
long go_lib_write(int fd, const char *p, size_t n);
long go_lib_write(int fd, const char *p, size_t n) {
    if (fd != 1 && fd != 2) return fail(EBADF);
    if (fd == 1) print_bytes(p, n);
    else write_error(p, n);
    return (long)n;
}

// The console gives nothing: end of file.
long go_lib_read(int fd, void *p, size_t n);
long go_lib_read(int fd, void *p, size_t n) {
    if (fd >= 0 && fd < FIRST_FD) return 0;
    OpenFile *o = file_at(fd, PLAIN);
    if (!o) return fail(EBADF);
    intptr_t r = file_read(&o->file, p, n);
    return r < 0 ? fail((int)-r) : r;
}
long go_lib_pread64(int fd, void *p, size_t n, int64_t at);
long go_lib_pread64(int fd, void *p, size_t n, int64_t at) {
    OpenFile *o = file_at(fd, PLAIN);
    if (!o) return fail(EBADF);
    intptr_t r = file_pread(&o->file, p, n, (uint64_t)at);
    return r < 0 ? fail((int)-r) : r;
}
int64_t go_lib_lseek64(int fd, int64_t offset, int whence);
int64_t go_lib_lseek64(int fd, int64_t offset, int whence) {
    OpenFile *o = file_at(fd, PLAIN);
    if (!o) return fail(fd >= 0 && fd < FIRST_FD ? ESPIPE : EBADF);
    int64_t r = file_seek(&o->file, offset, (FileWhence)whence);
    return r < 0 ? fail((int)-r) : r;
}

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
enum { S_CHARACTER = 0020000, S_DIRECTORY = 0040000, S_REGULAR = 0100000, S_LINK = 0120000 };

static void stat_fill(Stat *st, const FileStat *f) {
    memset(st, 0, sizeof *st);
    st->mode = f->mode | (f->kind == FILE_DIRECTORY ? S_DIRECTORY : f->kind == FILE_SYMLINK ? S_LINK : S_REGULAR);
    st->nlink = 1;
    st->size = (int64_t)f->size;
    st->blksize = PAGE_SIZE;
    st->blocks = (int64_t)(f->size + 511) / 512;
}
long go_lib_fstat64(int fd, Stat *st);
long go_lib_fstat64(int fd, Stat *st) {
    FileStat f;
    if (fd >= 0 && fd < FIRST_FD) {
        memset(st, 0, sizeof *st);
        st->mode = S_CHARACTER | 0620;
        st->nlink = 1;
        return 0;
    }
    OpenFile *o = file_at(fd, PLAIN);
    int r = o ? file_fstat(&o->file, &f) : (o = file_at(fd, DIRECTORY)) ? file_stat(o->path, &f) : -EBADF;
    if (r < 0) return fail(-r);
    stat_fill(st, &f);
    return 0;
}
static long stat_path(const char *path, Stat *st, int (*look)(const char *, FileStat *)) {
    FileStat f;
    int r = look(path, &f);
    if (r < 0) return fail(-r);
    stat_fill(st, &f);
    return 0;
}
long go_lib_stat64(const char *path, Stat *st);
long go_lib_stat64(const char *path, Stat *st) { return stat_path(path, st, file_stat); }
long go_lib_lstat64(const char *path, Stat *st);
long go_lib_lstat64(const char *path, Stat *st) { return stat_path(path, st, file_lstat); }
long go_lib_readlink(const char *path, char *buf, size_t room);
long go_lib_readlink(const char *path, char *buf, size_t room) {
    intptr_t r = file_readlink(path, buf, room);
    return r < 0 ? fail((int)-r) : r < (intptr_t)room ? r : (intptr_t)room;
}

// ---- directories: one at a time reads into the record of its file
typedef struct Dirent { uint64_t ino; int64_t off; uint16_t reclen; uint8_t type; char name[256]; } Dirent;
typedef struct DirStream { int fd; Dirent entry; } DirStream;
DirStream *go_lib_fdopendir(int fd);
DirStream *go_lib_fdopendir(int fd) {
    if (!file_at(fd, DIRECTORY)) {
        fail(EBADF);
        return NULL;
    }
    DirStream *d = go_alloc_noscan(sizeof *d);
    d->fd = fd;
    return d;
}
Dirent *go_lib_readdir64(DirStream *d);
Dirent *go_lib_readdir64(DirStream *d) {
    OpenFile *o = file_at(d->fd, DIRECTORY);
    DirEntry e;
    if (!o || dir_read(&o->dir, &e) != 1) return NULL;
    d->entry.ino = 1 + (uintptr_t)e.name % 0xffffffff;
    d->entry.type = e.kind == FILE_DIRECTORY ? 4 : e.kind == FILE_SYMLINK ? 10 : 8;
    path_copy(d->entry.name, e.name, sizeof d->entry.name);
    d->entry.reclen = sizeof d->entry;
    return &d->entry;
}
long go_lib_closedir(DirStream *d);
long go_lib_closedir(DirStream *d) { return go_lib_close(d->fd); }

long go_lib_fcntl64(int fd, int cmd, long arg);
long go_lib_fcntl64(int fd, int cmd, long arg) { return 0; } // no flags are set, none is kept
char *go_lib_getcwd(char *buf, size_t room);
char *go_lib_getcwd(char *buf, size_t room) {
    if (room < 2) {
        fail(ERANGE);
        return NULL;
    }
    path_copy(buf, "/", room);
    return buf;
}

// ---- process: one, with nobody above it
#define NUMBER(name, v)                                                                                                \
    long go_lib_##name(void);                                                                                          \
    long go_lib_##name(void) { return v; }
NUMBER(getpid, 1) NUMBER(getppid, 0) NUMBER(getuid, 0) NUMBER(geteuid, 0) NUMBER(getgid, 0) NUMBER(getegid, 0) NUMBER(getpgrp, 1)

_Noreturn void go_lib__exit(int code);
void go_lib__exit(int code) { program_exit(code); }
_Noreturn void go_lib_abort(void);
void go_lib_abort(void) { rt_throw("abort was called"); }
// A signal to itself ends it, but for those that mean nothing: SIGCHLD, SIGCONT, SIGURG, SIGWINCH.
long go_lib_kill(int pid, int sig);
long go_lib_kill(int pid, int sig) {
    if (pid != 1) return fail(EPERM);
    if (sig && sig != 17 && sig != 18 && sig != 23 && sig != 28) program_exit(2);
    return 0;
}

long go_lib_sysconf(int name);
long go_lib_sysconf(int name) { return name == 30 ? (long)PAGE_SIZE : name == 83 || name == 84 ? cpu_count() : fail(EINVAL); }
long go_lib_uname(char (*field)[65]);
long go_lib_uname(char (*field)[65]) {
    static const char *const text[] = {"Burrow", "burrow", "1", "", "x86_64", ""};
    for (int i = 0; i < 6; i++)
        path_copy(field[i], text[i], 65);
    return 0;
}

// ---- time
typedef struct Clock { int64_t ns; } Clock;
static void wall(void *arg) { ((Clock *)arg)->ns = plat_wall_ns(); }
long go_lib_gettimeofday(int64_t *tv, void *zone);
long go_lib_gettimeofday(int64_t *tv, void *zone) {
    Clock c;
    sys_call(wall, &c);
    tv[0] = c.ns / 1000000000;
    tv[1] = c.ns % 1000000000 / 1000;
    return 0;
}

// ---- text
void *go_lib_memmem(const char *text, size_t n, const char *word, size_t k);
void *go_lib_memmem(const char *text, size_t n, const char *word, size_t k) {
    for (size_t i = 0; i + k <= n; i++) {
        const char *at = k ? memchr(text + i, word[0], n - k - i + 1) : text + i;
        if (!at) return NULL;
        i = (size_t)(at - text);
        if (memcmp(at, word, k) == 0) return (void *)at;
        if ((i & 0xffff) == 0) RT_DOOR();
    }
    return NULL;
}
void *go_lib_memchr(const void *s, int byte, size_t n);
void *go_lib_memchr(const void *s, int byte, size_t n) { return memchr(s, byte, n); }
size_t go_lib_strlen(const char *s);
size_t go_lib_strlen(const char *s) { return strlen(s); }

typedef struct Error { int code; const char *text; } Error;
static const Error errors[] = {
    {1, "operation not permitted"}, {2, "no such file or directory"}, {3, "no such process"}, {4, "interrupted system call"},
    {5, "input/output error"}, {9, "bad file descriptor"}, {11, "resource temporarily unavailable"}, {12, "cannot allocate memory"},
    {13, "permission denied"}, {17, "file exists"}, {20, "not a directory"}, {21, "is a directory"}, {22, "invalid argument"},
    {24, "too many open files"}, {27, "file too large"}, {28, "no space left on device"}, {29, "illegal seek"}, {30, "read-only file system"},
    {32, "broken pipe"}, {33, "numerical argument out of domain"}, {34, "numerical result out of range"}, {36, "file name too long"},
    {38, "function not implemented"}, {39, "directory not empty"}, {40, "too many levels of symbolic links"}, {95, "operation not supported"},
    {97, "address family not supported by protocol"}, {98, "address already in use"}, {101, "network is unreachable"}, {104, "connection reset by peer"},
    {110, "connection timed out"}, {111, "connection refused"},
};
char *go_lib_strerror_r(int code, char *buf, size_t room);
char *go_lib_strerror_r(int code, char *buf, size_t room) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == code) return path_copy(buf, errors[i].text, room), buf;
    path_copy(buf, "unknown error", room);
    return buf;
}
const char *go_lib_strsignal(int sig);
const char *go_lib_strsignal(int sig) {
    static const char *const text[] = {"", "hangup", "interrupt", "quit", "illegal instruction", "trace/breakpoint trap", "aborted", "bus error",
                                       "floating point exception", "killed", "user defined signal 1", "segmentation fault", "user defined signal 2",
                                       "broken pipe", "alarm clock", "terminated"};
    return sig > 0 && sig < 16 ? text[sig] : "unknown signal";
}
