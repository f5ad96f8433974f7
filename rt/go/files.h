// files.h -- open files by their numbers, for the functions of C's library that package syscall calls.
#pragma once
#include "path.h"
#include "../sched.h"

typedef enum { USE_CONSOLE_IN, USE_CONSOLE_OUT, USE_CONSOLE_ERROR, USE_FILE, USE_PIPE_READ, USE_PIPE_WRITE } Use;

// What open makes and dup shares.
typedef struct OpenFile {
    uint8_t use;    // Use
    uint32_t refs;  // descriptors, and calls under way that wait
    uint32_t flags; // of open
    Spot at;        // USE_FILE; a node counts it in node->open
    uint64_t pos;   // bytes; of a directory: where readdir continues
    struct Pipe *pipe;
} OpenFile;

enum { O_ACCMODE = 3, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_TRUNC = 01000, O_APPEND = 02000, O_NONBLOCK = 04000, O_DIRECTORY = 0200000, O_NOFOLLOW = 0400000 };
enum { FDS = 256, AT_FDCWD = -100, AT_REMOVEDIR = 0x200, AT_NOFOLLOW = 0x100 };

// Guards all of files, paths and nodes. Rank FILES: inside it only memory is asked for.
extern Lock files_lock;
extern Spot files_cwd; // its node, if any, counts it in node->open: files_enter

// ---- with the lock held
OpenFile *file_of(int fd);          // NULL: not open
OpenFile *file_new(Use use);        // refs 0; NULL: no memory. System stack
int fd_new(OpenFile *o, int least); // the lowest free descriptor from `least` on; takes a reference. -EMFILE
// One reference less. Returns goroutines that waited for what that ends: they are to be made ready without the lock (files_ready). System stack.
G *file_drop(OpenFile *o);
// Where a path given with a directory's descriptor begins. False: no such descriptor.
bool base_of(int dirfd, Spot *out);

void files_enter(Spot dir); // makes it the current directory

// ---- pipe.c
struct Pipe *pipe_new(void); // both ends open. NULL: no memory. System stack
void pipe_free(struct Pipe *p); // that nobody uses: pipe_close does it, too. System stack
G *pipe_close(struct Pipe *p, Use end);
// Goroutine's stack, lock not held. Count or negative errno value: they wait, or else answer -EAGAIN.
intptr_t pipe_read(struct Pipe *p, void *buf, size_t n, bool waits);
intptr_t pipe_write(struct Pipe *p, const void *buf, size_t n, bool waits);
// With the lock held, for those who wait themselves (poll.c). Would a read or a write not wait?
bool pipe_is_ready(const struct Pipe *p, Use end);
void pipe_wait(struct Pipe *p);        // until something changes. Goroutine's stack
G *pipe_take_waiting(struct Pipe *p);  // for files_ready

// ---- without it
void files_ready(G *list);
// Runs fn(job) on the system stack with the lock held.
void files_do(void (*fn)(void *), void *job);
// A result of what files_do did. True: it failed for want of memory, and a collection may have freed some: try again. Goroutine's stack; may park.
bool files_try_again(intptr_t result, MemoryForce *f);
// Ends a call: the result, or -1 and errno.
long files_result(intptr_t r);
