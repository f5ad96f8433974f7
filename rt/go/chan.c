// chan.c -- channels and select by gccgo's names: thin doors over rt/chan.c and rt/select.c.
//
// gccgo's scase is {channel, element}; a select's cases are given senders first, then receivers. rt's cases and waiters must lie on the goroutine's
// stack, so a select takes as much stack as it has cases, from call_with_stack.
#include "go.h"
#include "../chan.h"

typedef struct Chan Chan;

Chan *go_makechan(const ChanType *t, intptr_t n) GO("runtime.makechan");
Chan *go_makechan(const ChanType *t, intptr_t n) { return chan_make_of(t->elem, n); }
Chan *go_makechan64(const ChanType *t, int64_t n) GO("runtime.makechan64");
Chan *go_makechan64(const ChanType *t, int64_t n) { return chan_make_of(t->elem, n); }
Chan *go_makechan_reflect(const ChanType *t, intptr_t n) GO("reflect.makechan");
Chan *go_makechan_reflect(const ChanType *t, intptr_t n) { return chan_make_of(t->elem, n); }

void go_chansend1(Chan *c, const void *elem) GO("runtime.chansend1");
void go_chansend1(Chan *c, const void *elem) { chan_send_from(c, elem); }
void go_chanrecv1(Chan *c, void *elem) GO("runtime.chanrecv1");
void go_chanrecv1(Chan *c, void *elem) { chan_recv_into(c, elem); }
bool go_chanrecv2(Chan *c, void *elem) GO("runtime.chanrecv2");
bool go_chanrecv2(Chan *c, void *elem) { return chan_recv_into(c, elem); }
void go_closechan(Chan *c) GO("runtime.closechan");
void go_closechan(Chan *c) { chan_close_of(c); }
void go_chanclose_reflect(Chan *c) GO("reflect.chanclose");
void go_chanclose_reflect(Chan *c) { chan_close_of(c); }

typedef struct { bool selected, received; } Received;

bool go_selectnbsend(Chan *c, const void *elem) GO("runtime.selectnbsend");
bool go_selectnbsend(Chan *c, const void *elem) { return chan_try_send_from(c, elem); }
Received go_selectnbrecv(void *elem, Chan *c) GO("runtime.selectnbrecv");
Received go_selectnbrecv(void *elem, Chan *c) {
    Received r = {false, false};
    r.selected = chan_try_recv_into(c, elem, &r.received);
    return r;
}

bool go_chansend_reflect(Chan *c, const void *elem, bool try) GO("reflect.chansend");
bool go_chansend_reflect(Chan *c, const void *elem, bool try) {
    if (try) return chan_try_send_from(c, elem);
    chan_send_from(c, elem);
    return true;
}
Received go_chanrecv_reflect(Chan *c, bool try, void *elem) GO("reflect.chanrecv");
Received go_chanrecv_reflect(Chan *c, bool try, void *elem) {
    if (try) return go_selectnbrecv(elem, c);
    bool ok = chan_recv_into(c, elem);
    return (Received){true, ok};
}

intptr_t go_chanlen(Chan *c) GO("reflect.chanlen");
intptr_t go_chanlen(Chan *c) { return chan_word_(c, 0); }
intptr_t go_chanlen_lite(Chan *c) GO("internal_1reflectlite.chanlen");
intptr_t go_chanlen_lite(Chan *c) { return chan_word_(c, 0); }
intptr_t go_chancap(Chan *c) GO("reflect.chancap");
intptr_t go_chancap(Chan *c) { return chan_word_(c, 1); }

// ---- select

typedef struct { Chan *c; void *elem; } SCase;
typedef struct { intptr_t chosen; bool received; } Selected;

typedef struct SelectArgs {
    const SCase *cases;
    intptr_t sends, n;
    bool block;
    Selected result;
} SelectArgs;

#define CASE_BYTES (sizeof(SelectCase) + sizeof(Waiter))

// On a stack with room for what it takes.
static void select_here(void *arg) {
    SelectArgs *a = arg;
    intptr_t n = a->n;
    SelectCase *cases = __builtin_alloca((size_t)(n + 1) * CASE_BYTES);
    Waiter *room = (Waiter *)(cases + n + 1);
    bool ok = false;
    for (intptr_t i = 0; i < n; i++)
        cases[i] = (SelectCase){.c = a->cases[i].c, .elem = a->cases[i].elem, .ok = &ok, .kind = i < a->sends ? SELECT_SEND : SELECT_RECV};
    if (!a->block) cases[n] = (SelectCase){.kind = SELECT_DEFAULT};
    intptr_t chosen = chan_select_of(cases, room, (unsigned)n + !a->block);
    a->result = (Selected){chosen == n ? -1 : chosen, chosen < n && chosen >= a->sends && ok};
}

Selected go_selectgo(const SCase *cases, uint16_t *order, intptr_t sends, intptr_t recvs, bool block) GO("runtime.selectgo");
Selected go_selectgo(const SCase *cases, uint16_t *order, intptr_t sends, intptr_t recvs, bool block) {
    SelectArgs a = {cases, sends, sends + recvs, block, {0, false}};
    call_with_stack((size_t)(a.n + 1) * CASE_BYTES + 512, select_here, &a);
    RT_DOOR();
    return a.result;
}

// reflect.Select: {dir, type, channel, element}.
typedef struct { uintptr_t dir; const Type *type; Chan *c; void *elem; } RSelect;
typedef struct { GoSlice cases; Selected result; } RSelectArgs;
enum { DIR_SEND = 1, DIR_RECV, DIR_DEFAULT };

static void rselect_here(void *arg) {
    RSelectArgs *a = arg;
    intptr_t n = a->cases.len;
    const RSelect *in = a->cases.p;
    SelectCase *cases = __builtin_alloca((size_t)n * CASE_BYTES);
    Waiter *room = (Waiter *)(cases + n);
    bool ok = false;
    for (intptr_t i = 0; i < n; i++) {
        cases[i] = (SelectCase){.c = in[i].c, .elem = in[i].elem, .ok = &ok};
        cases[i].kind = in[i].dir == DIR_SEND ? SELECT_SEND : in[i].dir == DIR_RECV ? SELECT_RECV : SELECT_DEFAULT;
        if (in[i].dir == DIR_DEFAULT) cases[i].c = NULL;
    }
    intptr_t chosen = chan_select_of(cases, room, (unsigned)n);
    a->result = (Selected){chosen, in[chosen].dir == DIR_RECV && ok};
}
Selected go_rselect(GoSlice cases) GO("reflect.rselect");
Selected go_rselect(GoSlice cases) {
    RSelectArgs a = {cases, {0, false}};
    call_with_stack((size_t)cases.len * CASE_BYTES + 512, rselect_here, &a);
    RT_DOOR();
    return a.result;
}

// select {} and goroutines that wait for ever.
void go_block(void) GO("runtime.block");
void go_block(void) { g_park(WAIT_SELECT_NONE, NULL); }
