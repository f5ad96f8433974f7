// t_gc_words.c -- what a word of a stack may be: a pointer to an object's beginning, its inside, just past its end, or a number that looks
// like an address.
//
// The first three keep their object, of every size; the last may keep an object, but must not disturb anything: addresses of free slots do
// not make objects, whatever is allocated there later is found and freed as ever.
//
// args: GODEBUG=gcverify=1
// smp: 1 2
#include "gc.h"

typedef struct Pair Pair;
struct Pair { // 32 bytes: fills its slot, so that &p[1] is the next slot
    uint64_t id, check;
    cell(Pair *) a, b;
};
TYPE_STRUCT(Pair, a, b);

static __attribute__((noinline)) void litter(size_t bytes) {
    for (int i = 0; i < 3000; i++) {
        u8 *p = make_array(u8, (intptr_t)bytes);
        memset(p, 0xdd, bytes);
        Pair *q = new (Pair);
        q->id = q->check = 0xdddd;
    }
}
// ---- pointers into an object of `bytes`, `offset` from its beginning
static __attribute__((noinline)) u8 *make(size_t bytes, size_t offset, uintptr_t *hidden) {
    u8 *p = make_array(u8, (intptr_t)bytes);
    for (size_t i = 0; i < bytes; i++)
        p[i] = (u8)(bytes + i * 3);
    *hidden = disguised(p);
    return p + offset;
}
static __attribute__((noinline)) bool intact(uintptr_t hidden, size_t bytes) {
    const u8 *p = revealed(hidden);
    for (size_t i = 0; i < bytes; i++)
        if (p[i] != (u8)(bytes + i * 3)) return false;
    return true;
}
static __attribute__((noinline)) void kept(size_t bytes, size_t offset, const char *what) {
    uintptr_t hidden;
    u8 *volatile in = make(bytes, offset, &hidden);
    for (int i = 0; i < 2; i++) {
        wipe();
        gc_collect();
        litter(bytes < 4096 ? bytes : 4096);
    }
    char text[80];
    str_format(text, sizeof text, "%s of %lu bytes", what, (ulong)bytes);
    check_true(text, is_object(revealed(hidden)) && intact(hidden, bytes));
    if (in == NULL) say("never\n");
}
// What nothing points to goes, or all of the above proves nothing. (Frames of debug builds keep more stale words.)
#ifdef RT_DEBUG
#define STALE 20
#else
#define STALE 8
#endif
static __attribute__((noinline)) void not_kept(size_t bytes) {
    uintptr_t hidden[64];
    int n = 0;
    for (int i = 0; i < 64; i++)
        make(bytes, 0, &hidden[i]);
    wipe();
    gc_collect();
    gc_collect();
    for (int i = 0; i < 64; i++)
        n += is_object(revealed(hidden[i]));
    char text[80];
    str_format(text, sizeof text, "dropped objects of %lu bytes that are still there", (ulong)bytes);
    check_at_most(text, n, STALE);
}

// One past the end of every other of so many that the last slot of a span is among them: there the word lies in no object. (The end of one is
// the beginning of the next, which is kept, too.)
enum { ROW = 360 };
static __attribute__((noinline)) void row_kept(size_t bytes, int phase) {
    u8 *volatile in[ROW];
    static uintptr_t hidden[ROW];
    int n = 0;
    for (int i = 0; i < ROW; i++) {
        u8 *end = make(bytes, bytes, &hidden[i]);
        in[i] = i % 2 == phase ? end : NULL;
    }
    for (int i = 0; i < 2; i++) {
        wipe();
        gc_collect();
        litter(bytes);
    }
    for (int i = 0; i < ROW; i++)
        n += in[i] && is_object(revealed(hidden[i])) && intact(hidden[i], bytes);
    char text[80];
    str_format(text, sizeof text, "objects of %lu bytes of which the end is known", (ulong)bytes);
    check_equal(text, n, ROW / 2);
}

// ---- the last pointer is in a variable of the program
static struct {
    uint64_t one;
    u8 *at;
} initialized = {1, NULL};
static u8 *zero;
static __attribute__((noinline)) void by_variable(u8 **variable, const char *what) {
    uintptr_t hidden;
    *variable = make(64, 3, &hidden);
    for (int i = 0; i < 2; i++) {
        wipe();
        gc_collect();
        litter(64);
    }
    check_true(what, is_object(revealed(hidden)) && intact(hidden, 64));
    *variable = NULL;
}

// ---- the last pointer is in a cell, to the inside of an object
static __attribute__((noinline)) void by_cell(void) {
    Pair *holder = new (Pair);
    uintptr_t hidden;
    Pair *p = new (Pair);
    p->id = 7, p->check = 77;
    hidden = disguised(p);
    cell_set(holder->a, (Pair *)((char *)p + 24));
    p = NULL;
    wipe();
    for (int i = 0; i < 2; i++) {
        gc_collect();
        litter(sizeof(Pair));
    }
    Pair *q = (Pair *)((char *)cell_get(holder->a) - 24);
    check_true("an object that a cell points into", q->id == 7 && q->check == 77 && is_object(revealed(hidden)));
}

// ---- numbers that look like addresses: of free slots, of slots that are in use again, of the space between and behind objects
enum { N = 4000, FRAME = 400 };
static uintptr_t words[N];
static Pair *anchors; // keep a few, and so their spans
static __attribute__((noinline)) void note(void) {
    for (int i = 0; i < N; i++) {
        Pair *p = new (Pair);
        p->id = 0xdddd;
        words[i] = disguised(p);
        if (i % 64) continue;
        cell_set(p->a, anchors);
        anchors = p;
    }
}
// A collection with all of them, moved on by `offset`, in frames on the stack.
static int64_t most_objects; // during such a collection
static __attribute__((noinline)) void with_words(uintptr_t offset, int first) {
    volatile uintptr_t look_alike[FRAME];
    for (int i = 0; i < FRAME; i++)
        look_alike[i] = ~words[first + i] + offset;
    if (first + FRAME < N) {
        with_words(offset, first + FRAME);
    } else {
        gc_collect();
        int64_t n = (int64_t)in_use().objects;
        if (n > most_objects) most_objects = n;
    }
    for (int i = 0; i < FRAME; i++)
        CHECK_QUIETLY(look_alike[i] == ~words[first + i] + offset);
}
static __attribute__((noinline)) void look_alikes(void) {
    gc_collect();
    int64_t before = (int64_t)in_use().objects;
    note();
    wipe();
    gc_collect();
    gc_collect(); // all of them are free slots now
    for (uintptr_t i = 0; i < 6; i++)
        with_words(8 * i, 0);
    gc_collect();
    check_at_most("objects made of free slots while the words lie there", most_objects - before, 300);
    check_range("objects made of free slots", (int64_t)in_use().objects - before, -20, 300);
    // the same while the slots come to be used again: whatever is found there is whole
    Pair *list = NULL;
    for (int i = 0; i < N; i++) {
        Pair *p = new (Pair);
        p->id = (uint64_t)i, p->check = ~(uint64_t)i;
        cell_set(p->a, list);
        list = p;
        if (i % 500 == 0) with_words((uintptr_t)i / 500 % 4 * 8, 0);
    }
    long n = 0;
    for (Pair *p = list; p; p = cell_get(p->a), n++)
        CHECK_QUIETLY(p->check == ~p->id && p->id == (uint64_t)(N - 1 - n));
    check_equal("objects of the list", n, N);
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {16, 24, 32, 48, 64, 96, 128, 512, 1024, 4096, 32768, 40000, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        kept(n, 0, "the beginning");
        kept(n, n / 2, "the middle");
        kept(n, n - 1, "the last byte");
        kept(n, n, "one past the end");
        not_kept(n);
    }
    kept(5, 0, "the beginning"); // shares its slot with others
    kept(5, 4, "the last byte");
    for (int phase = 0; phase < 2; phase++) {
        row_kept(48, phase);
        row_kept(1024, phase);
        row_kept(2048, phase);
    }
    by_variable(&initialized.at, "an object that an initialized variable points to");
    by_variable(&zero, "an object that a variable points to");
    by_cell();
    look_alikes();
    return check_end("t_gc_words");
}
