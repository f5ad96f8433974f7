// pipe.c -- pipes between goroutines (os.Pipe): a ring of 64 KB as under Linux.
//
// A reader waits while it is empty and an end for writing is open, a writer while it is full and an end for reading is open. Who waits stands in a list
// that files_lock guards, as the ring, and holds a reference to the open file, so the pipe outlives the wait; whoever changes something wakes them all.
#include "files.h"

enum { PIPE_PAGES = 16, PIPE_BYTES = PIPE_PAGES * PAGE_SIZE };

typedef struct Pipe {
    uint8_t *ring;
    size_t at, n; // first byte, count
    bool reader, writer; // ends that are open
    G *waiting; // linked by next
} Pipe;

static RecPool pipes = REC_POOL(sizeof(Pipe));

Pipe *pipe_new(void) {
    Pipe *p = rec_alloc(&pipes);
    uint8_t *ring = page_is_spare() ? page_alloc(PIPE_PAGES) : NULL;
    if (!p || !ring) {
        if (p) rec_free(&pipes, p);
        if (ring) page_free(ring, PIPE_PAGES);
        return NULL;
    }
    *p = (Pipe){.ring = ring, .reader = true, .writer = true};
    return p;
}

void pipe_free(Pipe *p) {
    page_free(p->ring, PIPE_PAGES);
    rec_free(&pipes, p);
}

G *pipe_take_waiting(Pipe *p) {
    G *list = p->waiting;
    p->waiting = NULL;
    return list;
}

G *pipe_close(Pipe *p, Use end) {
    if (end == USE_PIPE_READ)
        p->reader = false;
    else
        p->writer = false;
    G *list = pipe_take_waiting(p);
    if (!p->reader && !p->writer) pipe_free(p); // nobody waits: waiting calls hold their end open
    return list;
}

// Moves up to n bytes between buf and the ring; returns how many.
static size_t take(Pipe *p, uint8_t *buf, size_t n) {
    if (n > p->n) n = p->n;
    size_t first = PIPE_BYTES - p->at < n ? PIPE_BYTES - p->at : n;
    memcpy(buf, p->ring + p->at, first);
    memcpy(buf + first, p->ring, n - first);
    p->at = (p->at + n) % PIPE_BYTES;
    p->n -= n;
    return n;
}
static size_t give(Pipe *p, const uint8_t *buf, size_t n) {
    if (n > PIPE_BYTES - p->n) n = PIPE_BYTES - p->n;
    size_t to = (p->at + p->n) % PIPE_BYTES, first = PIPE_BYTES - to < n ? PIPE_BYTES - to : n;
    memcpy(p->ring + to, buf, first);
    memcpy(p->ring, buf + first, n - first);
    p->n += n;
    return n;
}

// Returns with the lock held, after somebody has changed something.
void pipe_wait(Pipe *p) {
    G *g = g_self();
    g->next = p->waiting;
    p->waiting = g;
    g_park(WAIT_IO, &files_lock);
    lock_acquire(&files_lock);
}

bool pipe_is_ready(const Pipe *p, Use end) { return end == USE_PIPE_READ ? p->n > 0 || !p->writer : p->n < PIPE_BYTES || !p->reader; }

intptr_t pipe_read(Pipe *p, void *buf, size_t n, bool waits) {
    lock_acquire(&files_lock);
    while (n > 0 && !pipe_is_ready(p, USE_PIPE_READ)) {
        if (!waits) {
            lock_release(&files_lock);
            return -EAGAIN;
        }
        pipe_wait(p);
    }
    n = take(p, buf, n);
    G *list = pipe_take_waiting(p);
    lock_release(&files_lock);
    files_ready(list);
    return (intptr_t)n;
}

intptr_t pipe_write(Pipe *p, const void *buf, size_t n, bool waits) {
    size_t done = 0;
    lock_acquire(&files_lock);
    bool open = p->reader;
    while (done < n && open) {
        size_t piece = give(p, (const uint8_t *)buf + done, n - done);
        done += piece;
        if (piece) {
            G *list = pipe_take_waiting(p);
            lock_release(&files_lock);
            files_ready(list);
            lock_acquire(&files_lock);
        } else {
            if (!waits) break;
            pipe_wait(p);
        }
        open = p->reader;
    }
    lock_release(&files_lock);
    return done || (open && n == 0) ? (intptr_t)done : open ? -EAGAIN : -EPIPE;
}
