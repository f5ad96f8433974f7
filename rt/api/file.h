// api/file.h -- the files packed into the image (make run FILES=directory): read-only, in memory, there from
// the first instruction.
//
// Paths are relative to the packed directory; "/a", "./a" and "a" name the same file. "." and ".." work as
// usual, ".." of the root is the root. Symbolic links are followed inside the tree; an absolute target starts
// at its root. Text is bytes; names come in the C locale's order (by bytes).
//
// Functions return 0 or a count, or one of the FILE_E... codes, all negative. File and Dir are values that
// belong to the caller (one goroutine at a time); nothing is allocated, so nothing leaks if one is not
// closed. Nothing here blocks.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    FILE_ENOENT = -2,   // no such file or directory
    FILE_EBADF = -9,    // not open: closed, or never opened
    FILE_ENOTDIR = -20, // a directory was needed: by dir_open, or inside a path
    FILE_EISDIR = -21,  // not a file but a directory
    FILE_EINVAL = -22,  // bad argument
    FILE_ELOOP = -40,   // more than 8 symbolic links in a row
} FileError;
// "no such file or directory"; static. "unknown error" for other numbers.
const char *file_error_text(int code);

typedef enum { FILE_REGULAR = 1, FILE_DIRECTORY = 2, FILE_SYMLINK = 3 } FileKind;
typedef struct FileStat {
    FileKind kind;
    uint32_t mode; // permission bits of the host, 07777
    uint64_t size; // bytes; of a link: of its target's name; of a directory: 0
} FileStat;
int file_stat(const char *path, FileStat *st);  // of what a link leads to (os.Stat)
int file_lstat(const char *path, FileStat *st); // of the link itself (os.Lstat)
// Target of a link, NUL-terminated and cut to `room`; returns its whole length. FILE_EINVAL: not a link.
intptr_t file_readlink(const char *path, char *buf, size_t room);

// ---- files
typedef struct File {
    uint32_t entry; // index in the tree
    uint32_t state; // that it is open
    uint64_t pos;
} File;
int file_open(File *f, const char *path); // os.Open; a regular file
int file_close(File *f);
// Up to n bytes from the position, which moves; 0: end of file. May let other goroutines run between pieces.
intptr_t file_read(File *f, void *buf, size_t n);
// The same from `offset`; the position stays.
intptr_t file_pread(const File *f, void *buf, size_t n, uint64_t offset);
typedef enum { FILE_SEEK_SET, FILE_SEEK_CURRENT, FILE_SEEK_END } FileWhence;
// New position, may be beyond the end. FILE_EINVAL: it would be negative.
int64_t file_seek(File *f, int64_t offset, FileWhence whence);
int file_fstat(const File *f, FileStat *st);
// The content itself, in the image: *data stays valid and unchanged to the end of the program. Writing to it
// faults.
int file_map(const File *f, const void **data, size_t *bytes);

// ---- directories
typedef struct Dir {
    uint32_t next; // entry that dir_read returns next; 0: none
    uint32_t state;
} Dir;
typedef struct DirEntry {
    const char *name; // last component, NUL-terminated, in the image: valid to the end of the program
    size_t name_len;
    FileKind kind; // a link counts as FILE_SYMLINK
    uint64_t size; // as FileStat's
} DirEntry;
int dir_open(Dir *d, const char *path);
int dir_read(Dir *d,
             DirEntry *entry); // 1: *entry is the next one, by name; 0: no more. "." and ".." do not appear
int dir_close(Dir *d);
