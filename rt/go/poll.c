// poll.c -- the runtime's half of internal/poll: pipes of package os can be waited for, with deadlines, and Close ends the wait. Other files cannot; os then reads and
// writes directly.
//
// A pipe is then in non-blocking mode. Where a call would wait it answers EAGAIN, and os waits here. Who waits stands in the pipe's own list and is woken, with all others, by
// any change: of the pipe (pipe.c), the passing of a deadline (a Timer of the record, and a time that is compared with the clock), pollUnblock. Each then looks again: so a
// wake-up too many harms nobody.
//
// files_lock guards records but for their timers. A record holds a reference to its open file, so the pipe outlives it. Records are never given back to others, so a
// timer that is late by a whole life finds one. Two setters of one deadline: `when` is what the later one says; who has armed the timer looks whether `when` is still that.
#include "go.h"
#include "files.h"
#include "../timer.h"
#include "tmpfs.h"

#define NOTHING(c_name, name)                                                                                          \
    void c_name(void) GO(name);                                                                                        \
    void c_name(void) {}

typedef struct Poll {
    struct Poll *next;       // free ones
    OpenFile *file;          // NULL: free
    bool closing;
    int64_t when[2];         // deadlines of reading, writing; 0: none, TIME_NEVER - 1 at most; 1: over
    struct Timer timer[2];
} Poll;
enum { READING, WRITING };
enum { POLL_READY, POLL_CLOSING, POLL_TIMEOUT };

static RecPool polls = REC_POOL(sizeof(Poll));
static Poll *free_polls;

static int side_of(intptr_t mode) { return mode == 'w' ? WRITING : READING; }

// ---- records

typedef struct Open { int fd; Poll *poll; intptr_t error; } Open;
static void open_poll(void *arg) {
    Open *o = arg;
    OpenFile *f = file_of(o->fd);
    o->error = EPERM; // as epoll says of other files
    if (!f || (f->use != USE_PIPE_READ && f->use != USE_PIPE_WRITE)) return;
    Poll *p = free_polls;
    if (p) free_polls = p->next;
    else if ((p = rec_alloc(&polls))) *p = (Poll){0};
    o->error = ENOMEM;
    if (!p) return;
    p->file = f;
    p->closing = false;
    p->when[READING] = p->when[WRITING] = 0;
    f->refs++;
    o->poll = p;
    o->error = 0;
}

NOTHING(go_poll_init, "internal_1poll.runtime__pollServerInit")
NOTHING(go_poll_wait_canceled, "internal_1poll.runtime__pollWaitCanceled")
bool go_poll_is_server(uintptr_t fd) GO("internal_1poll.runtime__isPollServerDescriptor");
bool go_poll_is_server(uintptr_t fd) { return false; }

typedef struct { uintptr_t ctx; intptr_t error; } Polled;
Polled go_poll_open(uintptr_t fd) GO("internal_1poll.runtime__pollOpen");
Polled go_poll_open(uintptr_t fd) {
    Open o = {.fd = (int)fd};
    files_do(open_poll, &o);
    return (Polled){(uintptr_t)o.poll, o.error};
}

typedef struct Close { Poll *poll; G *ready; } Close;
static void close_poll(void *arg) {
    Close *c = arg;
    c->ready = file_drop(c->poll->file);
    c->poll->file = NULL;
    c->poll->next = free_polls;
    free_polls = c->poll;
}
// Nobody uses it any more.
void go_poll_close(Poll *p) GO("internal_1poll.runtime__pollClose");
void go_poll_close(Poll *p) {
    timer_disarm(&p->timer[READING]);
    timer_disarm(&p->timer[WRITING]);
    Close c = {p, NULL};
    files_do(close_poll, &c);
    files_ready(c.ready);
    RT_DOOR();
}

// ---- waiting

// What keeps a call of this side from going on; lock held.
static intptr_t state_of(const Poll *p, int side) {
    if (p->closing) return POLL_CLOSING;
    return p->when[side] && plat_now_ns() >= p->when[side] ? POLL_TIMEOUT : POLL_READY;
}

intptr_t go_poll_reset(Poll *p, intptr_t mode) GO("internal_1poll.runtime__pollReset");
intptr_t go_poll_reset(Poll *p, intptr_t mode) {
    lock_acquire(&files_lock);
    intptr_t r = state_of(p, side_of(mode));
    lock_release(&files_lock);
    RT_DOOR();
    return r;
}

intptr_t go_poll_wait(Poll *p, intptr_t mode) GO("internal_1poll.runtime__pollWait");
intptr_t go_poll_wait(Poll *p, intptr_t mode) {
    intptr_t r;
    lock_acquire(&files_lock);
    while ((r = state_of(p, side_of(mode))) == POLL_READY && !pipe_is_ready(p->file->pipe, (Use)p->file->use))
        pipe_wait(p->file->pipe);
    lock_release(&files_lock);
    RT_DOOR();
    return r;
}

static G *waiting(const Poll *p) { return p->file ? pipe_take_waiting(p->file->pipe) : NULL; }

void go_poll_unblock(Poll *p) GO("internal_1poll.runtime__pollUnblock");
void go_poll_unblock(Poll *p) {
    lock_acquire(&files_lock);
    p->closing = true;
    G *list = waiting(p);
    lock_release(&files_lock);
    files_ready(list);
    RT_DOOR();
}

// ---- deadlines

// Scheduler, system stack.
static void poll_deadline(const struct Timer *copy, int64_t now) {
    lock_acquire(&files_lock);
    G *list = waiting(copy->arg);
    lock_release(&files_lock);
    files_ready(list);
}

static void set_deadline(Poll *p, int side, int64_t when) {
    lock_acquire(&files_lock);
    p->when[side] = when;
    G *list = waiting(p);
    lock_release(&files_lock);
    files_ready(list);
    for (;;) {
        struct Timer *t = &p->timer[side];
        t->fire = poll_deadline;
        t->arg = p;
        if (when <= 1) timer_disarm(t);
        else if (timer_arm(t, when, 0) == ARM_NO_MEMORY) rt_fatal("out of memory (cannot arm a timer)");
        lock_acquire(&files_lock);
        int64_t latest = p->when[side];
        lock_release(&files_lock);
        if (latest == when) return;
        when = latest;
    }
}

// d: ns from now; 0: none, below: over at once. mode: 'r', 'w', or their sum.
void go_poll_deadline(Poll *p, int64_t d, intptr_t mode) GO("internal_1poll.runtime__pollSetDeadline");
void go_poll_deadline(Poll *p, int64_t d, intptr_t mode) {
    int64_t when = d == 0 ? 0 : d < 0 ? 1 : timer_deadline(d);
    if (mode != 'w') set_deadline(p, READING, when);
    if (mode != 'r') set_deadline(p, WRITING, when);
    RT_DOOR();
}
