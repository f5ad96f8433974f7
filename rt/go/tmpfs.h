// tmpfs.h -- files in memory: the trees /tmp and /dev, beside the packed tree of the image.
//
// Everything here is called on the system stack with the lock of files.c held. Errors are errno values, negative.
#pragma once
#include "../api/file.h"
#include "../core.h"

enum {
    EPERM = 1, ENOENT = 2, EIO = 5, EBADF = 9, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EBUSY = 16, EEXIST = 17, EXDEV = 18, ENOTDIR = 20, EISDIR = 21,
    EINVAL = 22, EMFILE = 24, EFBIG = 27, ENOSPC = 28, ESPIPE = 29, EROFS = 30, EPIPE = 32, ERANGE = 34, ENAMETOOLONG = 36, ENOSYS = 38, ENOTEMPTY = 39,
    ELOOP = 40, EOPNOTSUPP = 95
};

#define NAME_BYTES 256  // of one component, with its NUL
#define PATH_BYTES 4096 // of a path, with its NUL
#define FILE_MAX   ((uint64_t)512 * 512 * PAGE_SIZE)

typedef enum { NODE_FILE = 1, NODE_DIRECTORY, NODE_LINK, NODE_DEVICE } NodeKind;
typedef enum { DEVICE_NULL, DEVICE_ZERO, DEVICE_RANDOM } Device;

typedef struct Node {
    struct Node *parent; // of a removed directory: where it was, kept by it (what ".." means in it)
    struct Node *next;   // in its directory, by seq
    struct Node *first, *last;
    uint64_t seq;        // rising within a directory: what readdir goes by
    uint64_t ino;
    int64_t mtime_ns, atime_ns; // Unix time
    uint64_t size;
    uint8_t ***pages;  // pages[i / 512][i % 512]: page i; NULL: a hole
    uint32_t open;     // files that are open on it, removed directories that were in it; one more: it is the current directory
    uint16_t mode;     // permission bits
    bool removed;
    uint8_t kind;      // NodeKind
    uint8_t device;
    uint8_t name_len;
    char name[NAME_BYTES];
} Node;

void tmpfs_init(void);
extern Node tmpfs_tmp, tmpfs_dev; // "/tmp", "/dev": without a parent, never removed

Node *tmpfs_lookup(const Node *dir, const char *name, size_t n);
// A new node in dir. NULL: no memory.
Node *tmpfs_create(Node *dir, const char *name, size_t n, NodeKind kind, uint32_t mode);
void tmpfs_unlink(Node *node);  // out of its directory; gone when nobody has it open
void tmpfs_release(Node *node); // one open file less
bool tmpfs_is_removed(const Node *node); // a directory that was removed stays empty: whoever makes or moves something asks
bool tmpfs_is_inside(const Node *node, const Node *dir); // node is dir or below
void tmpfs_move(Node *node, Node *dir, const char *name, size_t n);
const Node *tmpfs_after(const Node *dir, uint64_t seq);  // first entry behind seq; NULL: none

// Up to n bytes at `at`; what lies behind the end is not there. Returns the count.
size_t tmpfs_read(const Node *file, void *buf, size_t n, uint64_t at);
// Returns the count, at least 1 for n > 0, or -ENOSPC, -EFBIG.
intptr_t tmpfs_write(Node *file, const void *buf, size_t n, uint64_t at);
int tmpfs_truncate(Node *file, uint64_t size);
