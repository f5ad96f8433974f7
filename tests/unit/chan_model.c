// chan_model.c -- see chan_model.h.
//
// The real operation runs first, up to its end or its park; then the model judges what it did and follows it. A blocked operation is
// completed in the model by somebody else's, and compared when its actor goes on, which may be much later.
#include "chan_model.h"

ModelCounts model_counts;
Sched sched;
void page_free(void *page, size_t n) { abort(); } // stub_plat.c's mappings: none here
#ifdef RT_DEBUG
void escape_check(const char *what, const void *value, const Type *t, uintptr_t pc) {}
#endif

// Zeroed memory for ever: selects that have not gone on yet know channels that were replaced.
static void *forever(size_t size) {
    static void **all;
    static size_t n;
    all = realloc(all, (n + 1) * sizeof *all);
    return all[n++] = calloc(1, size);
}
void *heap_alloc(size_t size, const Type *t, unsigned flags) { return forever(size); }

// ---- values: a number stands for bytes of the channel's size

static uint8_t value_byte(uint64_t number, unsigned i) { return (uint8_t)((number * 0x9e3779b97f4a7c15ull) >> (i * 7 % 57)) ^ (uint8_t)i; }
static void value_make(uint8_t *bytes, uint64_t number, size_t size) {
    for (unsigned i = 0; i < size; i++)
        bytes[i] = value_byte(number, i);
}
static bool value_is(const uint8_t *bytes, uint64_t number, size_t size) {
    for (unsigned i = 0; i < size; i++)
        if (bytes[i] != value_byte(number, i)) return false;
    return true;
}
static bool all_are(const uint8_t *bytes, uint8_t byte, size_t size) {
    for (unsigned i = 0; i < size; i++)
        if (bytes[i] != byte) return false;
    return true;
}
enum { UNTOUCHED = 0xa5 };

// ---- model

typedef struct Place { // in a channel's queue
    struct Op *op;
    unsigned at; // which of its cases
} Place;

typedef struct MChan {
    Chan *real;
    Type type;
    size_t size;
    unsigned cap, n;
    bool closed;
    uint64_t value[8]; // buffered, oldest first
    Place recvq[ACTORS * CASES_MAX], sendq[ACTORS * CASES_MAX];
    unsigned receivers, senders;
} MChan;

typedef struct Case {
    MChan *c; // NULL: nil channel
    bool send, keep; // keep: a receiver wants the value
    uint64_t number; // to send
    uint8_t value[VALUE_MAX] __attribute__((aligned(8)));
    bool ok;
} Case;

typedef struct Op {
    Actor *actor;
    enum { OP_SELECT, OP_SEND, OP_RECV, OP_TRY_SEND, OP_TRY_RECV, OP_CLOSE } kind;
    unsigned n;   // cases
    int fallback; // position of default among them, -1: none
    Case cases[CASES_MAX];
    int chosen; // what it returned; try: 0 done, 1 not
    const char *panicked;
    // what it must find when it goes on
    bool blocked, completed;
    int want;
    bool want_ok, want_panic;
    uint64_t want_number;
} Op;

static Actor *actor[ACTORS + 1]; // the last never blocks
static Op op[ACTORS + 1];
static MChan *channel[CHANNELS];
static Actor *want_ready[ACTORS + 1];
static int want_ready_n;
static uint64_t next_number = 1;

static void take_out(Place *q, unsigned *n, const Op *o) {
    unsigned kept = 0;
    for (unsigned i = 0; i < *n; i++)
        if (q[i].op != o) q[kept++] = q[i];
    *n = kept;
}

// Somebody else does the case that o waits for at p.
static void complete(Place p, bool ok, uint64_t number) {
    Op *o = p.op;
    for (unsigned i = 0; i < o->n; i++) {
        MChan *c = o->cases[i].c;
        if (!c) continue;
        take_out(c->recvq, &c->receivers, o);
        take_out(c->sendq, &c->senders, o);
    }
    o->completed = true;
    o->want = (int)p.at;
    o->want_ok = ok;
    o->want_number = number;
    o->want_panic = o->cases[p.at].send && !ok;
    want_ready[want_ready_n++] = o->actor;
}

static bool can_go(const Case *k) {
    const MChan *c = k->c;
    if (!c) return false;
    return k->send ? c->closed || c->receivers || c->n < c->cap : c->n > 0 || c->senders || c->closed;
}

// The real operation has done this case; the model follows and checks.
static void follow(const Case *k) {
    MChan *c = k->c;
    if (k->send) {
        if (c->receivers) {
            complete(c->recvq[0], true, k->number);
            model_counts.handed_over++;
        } else {
            c->value[c->n++] = k->number;
            model_counts.buffered++;
        }
        return;
    }
    bool ok = c->n > 0 || c->senders > 0;
    uint64_t number = 0;
    if (c->n > 0) {
        number = c->value[0];
        memmove(c->value, c->value + 1, --c->n * sizeof c->value[0]);
        if (c->senders) {
            Place p = c->sendq[0];
            c->value[c->n++] = p.op->cases[p.at].number;
            complete(p, true, 0);
        }
    } else if (ok) {
        Place p = c->sendq[0];
        number = p.op->cases[p.at].number;
        complete(p, true, 0);
        model_counts.handed_over++;
    }
    CHECK_EQ(k->ok, ok);
    if (k->keep) CHECK(ok ? value_is(k->value, number, c->size) : all_are(k->value, 0, c->size));
    CHECK(all_are(k->value + (k->keep ? c->size : 0), UNTOUCHED, VALUE_MAX - (k->keep ? c->size : 0)));
}

static void follow_close(Op *o) {
    MChan *c = o->cases[0].c;
    if (!c || c->closed) {
        CHECK_STR(o->panicked, c ? "close of closed channel" : "close of nil channel");
        return;
    }
    CHECK(!o->panicked);
    c->closed = true;
    while (c->receivers) {
        complete(c->recvq[0], false, 0);
        model_counts.closed_waiters++;
    }
    while (c->senders) {
        complete(c->sendq[0], false, 0);
        model_counts.closed_waiters++;
    }
}

// o has ended without blocking.
static void judge_ended(Op *o) {
    if (o->kind == OP_CLOSE) return follow_close(o);
    unsigned ready = 0, closed_sends = 0;
    for (unsigned i = 0; i < o->n; i++) {
        const Case *k = &o->cases[i];
        ready += can_go(k);
        closed_sends += k->c && k->send && k->c->closed;
    }
    if (o->panicked) {
        CHECK(closed_sends > 0);
        CHECK_STR(o->panicked, "send on closed channel");
        model_counts.panics++;
    } else if (o->chosen == o->fallback) {
        CHECK_EQ(ready, 0);
        model_counts.selects_default += o->kind == OP_SELECT;
    } else {
        CHECK(o->chosen >= 0 && o->chosen < (int)o->n);
        const Case *k = &o->cases[o->chosen];
        CHECK(can_go(k) && !(k->send && k->c->closed));
        follow(k);
    }
}

// o has parked.
static void judge_blocked(Op *o) {
    CHECK(o->kind == OP_SELECT || o->kind == OP_SEND || o->kind == OP_RECV);
    CHECK_EQ(o->fallback, -1);
    CHECK_EQ(o->actor->why, o->kind == OP_SELECT ? WAIT_SELECT : o->kind == OP_SEND ? WAIT_CHAN_SEND : WAIT_CHAN_RECV);
    for (unsigned i = 0; i < o->n; i++)
        CHECK(!can_go(&o->cases[i]));
    for (unsigned i = 0; i < o->n; i++) {
        const Case *k = &o->cases[i];
        if (!k->c) continue;
        Place p = {o, i};
        if (k->send) k->c->sendq[k->c->senders++] = p;
        else k->c->recvq[k->c->receivers++] = p;
    }
    o->blocked = true;
    model_counts.blocked++;
    model_counts.selects_blocked += o->kind == OP_SELECT;
}

// o had blocked, was completed, and has ended now.
static void judge_completed(Op *o) {
    CHECK(o->completed);
    const Case *k = &o->cases[o->want];
    if (o->want_panic) {
        CHECK_STR(o->panicked, "send on closed channel");
        model_counts.panics++;
        return;
    }
    CHECK(!o->panicked);
    CHECK_EQ(o->chosen, o->want);
    if (k->send) return;
    CHECK_EQ(k->ok, o->want_ok);
    if (k->keep) CHECK(o->want_ok ? value_is(k->value, o->want_number, k->c->size) : all_are(k->value, 0, k->c->size));
    CHECK(all_are(k->value + (k->keep ? k->c->size : 0), UNTOUCHED, VALUE_MAX - (k->keep ? k->c->size : 0)));
    for (unsigned i = 0; i < o->n; i++) // the other cases did nothing
        if (!o->cases[i].send && i != (unsigned)o->want) CHECK(all_are(o->cases[i].value, UNTOUCHED, VALUE_MAX));
}

// ---- the insides

static void compare_queue(const WaitQueue *q, const Place *want, unsigned n) {
    unsigned i = 0;
    for (const Waiter *w = load_relaxed(&q->head); w; w = w->next) {
        if (w->select && load_relaxed(&w->g->select_done)) { // another channel has fired it
            model_counts.stale++;
            continue;
        }
        if (i == n) {
            CHECK_EQ(n, n + 1); // one too many
            return;
        }
        CHECK_PTR(w->g, &want[i].op->actor->g);
        if (w->select) CHECK_EQ(w->index, want[i].at);
        i++;
    }
    CHECK_EQ(i, n);
}

static void compare_channel(const MChan *m) {
    const Chan *c = m->real;
    CHECK_EQ(load_relaxed(&c->lock.word), 0);
    CHECK_EQ(load_relaxed(&c->qcount), m->n);
    CHECK_EQ(c->dataqsiz, m->cap);
    CHECK_EQ(load_relaxed(&c->closed), m->closed);
    const char *slot = c->recv_at;
    for (unsigned i = 0; i < m->cap; i++) {
        if (i < m->n) CHECK(value_is((const uint8_t *)slot, m->value[i], m->size));
        else if (m->type.ptrdata) CHECK(all_are((const uint8_t *)slot, 0, m->size)); // keeps nothing alive
        slot += m->size;
        if (slot == c->buf_end) slot = c->buf;
    }
    compare_queue(&c->recvq, m->recvq, m->receivers);
    compare_queue(&c->sendq, m->sendq, m->senders);
}

static void compare(void) {
    Actor *readied[ACTORS + 1];
    int n = actors_readied(readied, ACTORS + 1);
    CHECK_EQ(n, want_ready_n);
    for (int i = 0; i < n && i < want_ready_n; i++)
        CHECK_EQ(readied[i]->number, want_ready[i]->number);
    want_ready_n = 0;
    for (int i = 0; i < CHANNELS; i++)
        compare_channel(channel[i]);
}

// ---- operations

static void operate_select(Op *o) {
    SelectCase cs[CASES_MAX + 1];
    Waiter room[CASES_MAX + 1];
    unsigned total = 0;
    memset(cs, UNTOUCHED, sizeof cs);
    for (unsigned i = 0; i < o->n; i++) {
        Case *k = &o->cases[i];
        if ((int)i == o->fallback) cs[total++] = (SelectCase){.kind = SELECT_DEFAULT};
        cs[total++] = (SelectCase){.c = k->c ? k->c->real : NULL, .elem = k->keep ? k->value : NULL, .ok = k->send ? NULL : &k->ok,
                                   .kind = k->send ? SELECT_SEND : SELECT_RECV};
    }
    if (o->fallback == (int)o->n) cs[total++] = (SelectCase){.kind = SELECT_DEFAULT};
    int chosen = chan_select_of(cs, room, total);
    // The model numbers default behind the cases.
    if (o->fallback < 0 || chosen < o->fallback) o->chosen = chosen;
    else o->chosen = chosen == o->fallback ? (int)o->n : chosen - 1;
}

static void operate(Op *o) {
    Case *k = &o->cases[0];
    Chan *c = k->c ? k->c->real : NULL;
    void *place = k->keep ? k->value : NULL;
    switch (o->kind) {
    case OP_SEND: return chan_send_from(c, k->value);
    case OP_RECV: k->ok = chan_recv_into(c, place); return;
    case OP_TRY_SEND: o->chosen = !chan_try_send_from(c, k->value); return;
    case OP_TRY_RECV: o->chosen = !chan_try_recv_into(c, place, &k->ok); return;
    case OP_CLOSE: return chan_close_of(c);
    case OP_SELECT: return operate_select(o);
    }
}

static void act(Actor *self) {
    Op *o = &op[self->number];
    ACTOR_TRY(self, operate(o));
    o->panicked = self->panicked;
    if (o->fallback >= 0) o->fallback = (int)o->n;
}

static MChan *channel_new(void) {
    static const struct { uint8_t size, ptrdata; } kind[] = {{1, 0}, {3, 0}, {4, 0}, {8, 0}, {8, 8}, {24, 24}, {40, 8}, {192, 0}};
    size_t which = test_below(sizeof kind / sizeof *kind);
    MChan *m = forever(sizeof *m);
    m->size = kind[which].size;
    m->type = (Type){.size = m->size, .ptrdata = kind[which].ptrdata, .align = m->size % 8 ? 1 : 8, .kind = KIND_STRUCT};
    m->cap = (unsigned)test_below(2) * (unsigned)test_below(5);
    m->real = chan_make_of(&m->type, (intptr_t)m->cap);
    return m;
}

static void case_fill(Case *k, bool send, unsigned nil) {
    *k = (Case){.c = nil && test_below(nil) == 0 ? NULL : channel[test_below(CHANNELS)], .send = send, .keep = send || test_below(8)};
    memset(k->value, UNTOUCHED, VALUE_MAX);
    if (!send) return;
    k->number = next_number++;
    if (k->c) value_make(k->value, k->number, k->c->size);
}

static void op_fill(Op *o, const ChanMix *mix, bool may_block) {
    uint64_t r = test_below(mix->send + mix->recv + mix->try_send + mix->try_recv + mix->select + mix->close);
    *o = (Op){.actor = o->actor, .n = 1, .fallback = -1};
    if (r < mix->send) o->kind = OP_SEND;
    else if ((r -= mix->send) < mix->recv) o->kind = OP_RECV;
    else if ((r -= mix->recv) < mix->try_send) o->kind = OP_TRY_SEND;
    else if ((r -= mix->try_send) < mix->try_recv) o->kind = OP_TRY_RECV;
    else if ((r -= mix->try_recv) < mix->select) o->kind = OP_SELECT;
    else o->kind = OP_CLOSE;
    if (!may_block && o->kind == OP_SEND) o->kind = OP_TRY_SEND;
    if (!may_block && o->kind == OP_RECV) o->kind = OP_TRY_RECV;
    if (o->kind == OP_TRY_SEND || o->kind == OP_TRY_RECV) o->fallback = 1;
    if (o->kind == OP_SELECT) {
        o->n = 1 + (unsigned)test_below(CASES_MAX);
        for (unsigned i = 0; i < o->n; i++)
            case_fill(&o->cases[i], test_below(2), i == 0 ? 0 : 8); // the first is never nil: nobody waits for ever
        if (!may_block || test_below(4) == 0) o->fallback = (int)test_below(o->n + 1);
    } else {
        case_fill(&o->cases[0], o->kind == OP_SEND || o->kind == OP_TRY_SEND, o->kind == OP_SEND || o->kind == OP_RECV ? 0 : 30);
    }
}

static void one_step(int number, const ChanMix *mix) {
    Actor *a = actor[number];
    Op *o = &op[number];
    if (a->parked) {
        if (!a->ready) return;
        CHECK(actor_resume(a));
        judge_completed(o);
        o->blocked = false;
    } else {
        op_fill(o, mix, number < ACTORS);
        if (actor_start(a, act)) judge_ended(o);
        else judge_blocked(o);
    }
    compare();
}

void model_run(int steps, ChanMix mix) {
    for (int i = 0; i < steps; i++) {
        bool stuck = true;
        for (int k = 0; k < ACTORS; k++)
            stuck &= actor[k]->parked && !actor[k]->ready;
        one_step(stuck ? ACTORS : (int)test_below(ACTORS + 1), &mix);
        int k = (int)test_below(CHANNELS);
        if (channel[k]->closed && test_below(8) == 0) channel[k] = channel_new(); // selects may still know the old one
    }
}

void model_init(void) {
    p_self()->rand = test_rand() | 1;
    for (int i = 0; i <= ACTORS; i++)
        op[i].actor = actor[i] = actor_new(i);
    for (int i = 0; i < CHANNELS; i++)
        channel[i] = channel_new();
}
