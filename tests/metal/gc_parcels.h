// gc_parcels.h -- the trees of t_gc_mutator.c: parcels whose numbers follow from their root's, and all the ways in which they travel from goroutine to goroutine. Whoever
// receives one checks all of it and passes it on, or burns it.
#pragma once
#include "gc_world.h"

typedef struct Parcel Parcel;
typedef Parcel *ParcelPtr;
struct Parcel {
    uint64_t id, check;
    uint64_t depth;
    cell(Parcel *) l, r;
};
TYPE_STRUCT(Parcel, l, r);
TYPE_POINTER(ParcelPtr);
typedef struct Letter { // a parcel and the number that it must have
    uint64_t id;
    cell(Parcel *) parcel;
} Letter;
TYPE_STRUCT(Letter, parcel);
typedef Letter *LetterPtr;
TYPE_POINTER(LetterPtr);

enum { BOARD = 64 };
typedef struct Shelf {
    Mutex lock;
    uint64_t id;
    cell(Parcel *) parcel;
} Shelf;
TYPE_STRUCT(Shelf, parcel);
static Shelf *board; // BOARD
static AtomicPtr exchanges[BOARD]; // Letters
static chan(LetterPtr) direct, buffered;
static AtomicUint64 made, burnt; // sums of the numbers of all parcels

static Parcel *parcel_tree(uint64_t id, uint64_t depth) {
    Parcel *p = new (Parcel);
    p->id = id, p->check = mix(id ^ depth), p->depth = depth;
    if (depth > 0) {
        cell_set(p->l, parcel_tree(mix(id + 1), depth - 1));
        cell_set(p->r, parcel_tree(mix(id + 2), depth - 1));
    }
    return p;
}
static void parcel_check(const World *w, Parcel *p, uint64_t id, uint64_t depth) {
    if (!p) fail(w, "a part of a parcel", 0, id);
    if (p->id != id) fail(w, "number in a parcel", p->id, id);
    if (p->depth != depth) fail(w, "depth of a part of a parcel", p->depth, depth);
    if (p->check != mix(id ^ depth)) fail(w, "checksum in a parcel", p->check, mix(id ^ depth));
    if (depth == 0) return;
    parcel_check(w, cell_get(p->l), mix(id + 1), depth - 1);
    parcel_check(w, cell_get(p->r), mix(id + 2), depth - 1);
}
static void parcel_burn(Parcel *p) {
    if (!p) return;
    p->id = p->check = 0xdead;
    parcel_burn(cell_get(p->l));
    parcel_burn(cell_get(p->r));
}
static Letter *letter_make(World *w) {
    uint64_t id = next(&w->rng) | 1;
    Letter *l = new (Letter);
    l->id = id;
    cell_set(l->parcel, parcel_tree(id, (uint64_t)below(&w->rng, 5)));
    atomic_uint64_add(&made, id);
    return l;
}
static void letter_check(const World *w, Letter *l) {
    Parcel *p = cell_get(l->parcel);
    if (!p) fail(w, "the parcel of a letter", 0, l->id);
    parcel_check(w, p, l->id, p->depth);
}
static void letter_end(World *w, Letter *l) {
    letter_check(w, l);
    parcel_burn(cell_get(l->parcel));
    atomic_uint64_add(&burnt, l->id);
    l->id = 0xdead;
}

static void pass_on(World *w, Letter *l);
// What has arrived is looked at, and passed on now and then.
static void arrived(World *w, Letter *l) {
    letter_check(w, l);
    if (below(&w->rng, 4) == 0)
        letter_end(w, l);
    else
        pass_on(w, l);
}

typedef struct Errand { // for goroutines and timers
    uint64_t seed;
    cell(Letter *) letter;
} Errand;
TYPE_STRUCT(Errand, letter);

// The two ways that never wait. What lay there before is taken along.
static void to_board(World *w, Letter *l) {
    Shelf *at = &board[below(&w->rng, BOARD)];
    Letter *old = new (Letter);
    mutex_lock(&at->lock);
    cell_set(old->parcel, cell_get(at->parcel));
    old->id = at->id;
    cell_set(at->parcel, cell_get(l->parcel));
    at->id = l->id;
    mutex_unlock(&at->lock);
    if (cell_get(old->parcel)) arrived(w, old);
}
static void to_exchange(World *w, Letter *l) {
    Letter *old = atomic_ptr_swap(&exchanges[below(&w->rng, BOARD)], l);
    if (old) arrived(w, old);
}

static void errand(void *arg) {
    Errand *e = arg;
    World nobody = {.me = -1, .rng = {e->seed}};
    letter_check(&nobody, cell_get(e->letter));
    for (int i = below(&nobody.rng, 4); i > 0; i--)
        gosched();
    to_board(&nobody, cell_get(e->letter));
    waitgroup_done(&errands);
}
static Errand *errand_make(World *w, Letter *l) {
    Errand *e = new (Errand);
    e->seed = next(&w->rng) | 1;
    cell_set(e->letter, l);
    waitgroup_add(&errands, 1);
    return e;
}

static void take_panic(void *out) {
    Any v = recover();
    *(Letter **)out = v.data;
}
static void thrower(Letter **caught, Letter *l) {
    catch_panics();
    defer(take_panic, caught);
    panic_any((Any){type_of(LetterPtr), l});
}

static void pass_on(World *w, Letter *l) {
    if (w->me < 0) { // whoever may not wait
        if (below(&w->rng, 2))
            to_board(w, l);
        else
            to_exchange(w, l);
        return;
    }
    Letter *got = NULL;
    switch (below(&w->rng, 12)) {
    case 0:
    case 1: chan_send(direct, l); return;
    case 2:
    case 3:
        if (chan_select(case_send(buffered, l), case_recv(buffered, &got), case_default()) == 0) return;
        to_board(w, l);
        if (got) arrived(w, got);
        return;
    case 4: go(errand, errand_make(w, l)); return;
    case 5: timer_func(below(&w->rng, 300) * MICROSECOND, errand, errand_make(w, l)); return;
    case 6:
        thrower(&got, l);
        if (got != l) fail(w, "a panic's value", (uint64_t)got, (uint64_t)l);
        to_board(w, got);
        return;
    case 7:
    case 8: to_exchange(w, l); return;
    default: to_board(w, l);
    }
}

// Receives by direct hand-off, most of the time while parked.
static void postman(void *arg) {
    World nobody = {.me = -1, .rng = {(uint64_t)arg}};
    chan_for(l, direct) arrived(&nobody, l);
    waitgroup_done(&postmen);
}
