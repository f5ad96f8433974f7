// verify.c -- GODEBUG=gcverify=1: was everything marked that can be reached?
//
// After each marking, the world still stopped: every pointer of every marked object, and every word of a root, that leads to an object
// must lead to a marked one. That is more than "what is reachable was marked": an object that nobody can reach any more, but that was marked in this cycle, must not
// lead to an unmarked one either, because its pointers were the snapshot's or came in later, and then they were marked or new.
// The first that is not is reported, with who holds it, and the run ends.
//
// What would be false alarms is removed first. Words of dead stack are not looked at, but a later frame can lie over them and not write them all: so
// dead stack is cleared when a stack is scanned, and a segment when a goroutine gets it, at its birth or later (gc_clear_*, stack.c).
// What a goroutine finds in vector registers when it is switched to is dead, too, perhaps another's of before stop 1: g_enter clears them. (After stop 1 each core
// enters its first goroutine by g_enter or ctx_enter, so what it hands to others by direct switches is younger.) Of a saved context only those parts are
// checked that XSAVE has written: the others are what the buffer held for somebody else. The general registers need nothing: the scheduler, which leaves its own
// there, has no pointers to the program's objects but goroutines' arguments.
// Left are values that the goroutine itself had after stop 1, and those are marked or new; and words of which a part was written over by a shorter
// variable, which then seem to lead anywhere. The runtime writes whole words in frames of its own (Waiter.flags, AllocCall.flags), and clears the buffers that gccgo
// hands it for texts, when it verifies (go/string.c: "p13" over the beginning of an old pointer was one to another object); compilers do not. So of stacks and
// registers only pointers to the beginning of an object are checked, and of those not what a
// zero in the low byte or the low two bytes (a bool, an index), or a digit there, may have made of a pointer to another object (could_be_torn), nor what a loop over a marked
// object leaves when it has come to the end, a pointer behind it (could_be_end), nor the allocator's end of a run of free slots (could_be_run_end), nor what lies near the goroutine's own segments: compilers keep the address of a local array less
// an index, which is no address of anything (could_be_biased). (test_mark.c and t_gc_words.c see to pointers into objects.)
//
// Pointers of objects are found here bit by bit, not with scan.c's code, which is what is being checked.
#include "root.h"
#include "mark.h"
#include "report.h"
#include "sched.h"

typedef struct Holder { // of the word that is looked at
    const char *what;
    const G *g;
    uintptr_t base;
    const Type *type;
} Holder;

static void describe(const char *what, uintptr_t base, size_t bytes, const Type *t, const Span *s) {
    static const char *const kinds[] = {"free", "noscan", "bits", "typed"};
    rt_printf("%s%p (%lu bytes, %s", what, (void *)base, bytes, kinds[s->kind]);
    if (t && t->string) rt_printf(", %s", t->string->p);
    rt_printf(")\n");
}

static const Type *type_of_slot(const Span *s, uint32_t slot) { return s->kind == SPAN_TYPED ? s->types[slot] : NULL; }

// The words beside one of a stack, and whose stack it is.
static void show_around(const G *g, const uintptr_t *at) {
    for (const StackSeg *s = g->seg; s; s = s->older)
        for (const uintptr_t *w = at - 12; w <= at + 12; w++)
            if ((uintptr_t)w >= s->base && w + 1 <= (const uintptr_t *)s) rt_printf("          %p: %p\n", (const void *)w, (void *)raw_word(w));
    traceback_one((G *)g);
}

static _Noreturn void lost(const Holder *h, const void *at, const Span *s, uint32_t slot) {
    uintptr_t word = raw_word(at);
    rt_printf("runtime: cycle %u: an object was not marked that can be reached\n", gc.cycle);
    const Span *from = span_of((uintptr_t)at);
    if (from) {
        describe("  holder: object at ", h->base, from->slot_bytes, h->type, from);
        rt_printf("          +%lu", (uintptr_t)at - h->base);
    } else {
        rt_printf("  holder: %s", h->what);
        if (h->g) rt_printf(" of goroutine %lu", h->g->id);
        rt_printf(" at %p", at);
        if (h->base) rt_printf(", word %lu,", ((uintptr_t)at - h->base) / 8);
    }
    rt_printf(" holds %p\n", (void *)word);
    uintptr_t base = s->base + slot * s->slot_bytes;
    describe("  lost:   object at ", base, s->slot_bytes, type_of_slot(s, slot), s);
    rt_printf("          slot %u of %u, free index %u%s; alloc, mark from slot %u on: %p, %p\n", slot, s->slots, (uint32_t)((load_relaxed(&s->at) - s->base) / s->slot_bytes),
              s->cached ? ", cached" : "", slot & ~63u, (void *)load_relaxed(&s->alloc[slot / 64]), (void *)load_relaxed(&s->mark[slot / 64]));
    for (size_t i = 0; i < 8 && i < s->slot_bytes / 8; i++)
        rt_printf("          +%lu: %p\n", i * 8, ((void **)base)[i]);
    if (h->g && !from) show_around(h->g, at);
    rt_throw("the collector lost an object (gcverify)");
}

static void check_slot(const Holder *h, const void *at, const Span *s, uint32_t slot) {
    if (slot < s->slots && span_is_object(s, slot) && !span_bit(s->mark, slot)) lost(h, at, s, slot);
}

static void check_word(const Holder *h, const uintptr_t *at) {
    uintptr_t word = raw_word(at);
    const Span *s = span_of(word);
    if (s) check_slot(h, at, s, span_slot(s, word));
}

// May a pointer to another slot of s have become this word when its low byte, or two, were overwritten with 0? Slots of whole 256 bytes are too far apart for the
// first, of whole 64 KB for the second. In a program with Go code the low byte may also be a digit: Go's strconv makes numbers in an array of 65 bytes, whose last byte,
// the last digit, lies in a word for itself, and of that nothing else is written.
static bool could_be_torn(const Span *s, uintptr_t word) {
    uint8_t low = (uint8_t)word;
    bool digit = low >= '0' && low <= '9' && !traceback_by_frames();
    return ((low == 0 || digit) && s->slot_bytes % 0x100) || (!(word & 0xffff) && s->slot_bytes % 0x10000);
}

// Is it the end of a marked object, where a copy or a loop has left a register? After stop 1 that is no pointer to the next one, which may be dead. Of objects without
// pointers, texts mostly. Of others only where there is Go code: libffi walks through reflect's arrays of arguments, which may be dead as well when the register is
// still as it was; and gcc makes such loops of Go's. In a dense heap every object lies behind a marked one, so there words of stacks and registers prove little, those of
// objects as much as ever.
static bool could_be_end(uintptr_t word) {
    const Span *s = span_of(word - 1);
    if (!s || s->kind == SPAN_FREE || (s->kind != SPAN_NOSCAN && traceback_by_frames())) return false;
    uint32_t slot = span_slot(s, word - 1);
    return slot < s->slots && span_is_object(s, slot) && span_bit(s->mark, slot);
}

// Is it the allocator's own: the end of a run of free slots, which it writes to Span.at when it hands out the last of them and reads when it asks for the next? Instrumented
// code leaves that word on the stack (the access is a call there, over which the word is kept), and a later frame's padding keeps it. Directly before it lies an object that is
// new since the last sweep, and what begins there is not the next slot of the same run: an old object, or the first one of another span.
static bool could_be_run_end(const Span *s, uint32_t slot, uintptr_t word) {
    const Span *run = slot > 0 ? s : span_of(word - 1);
    if (!run || run->kind == SPAN_FREE || (run == s && !span_bit(s->alloc, slot))) return false;
    uint32_t last = span_slot(run, word - 1);
    return last < run->slots && run->base + (last + 1) * run->slot_bytes == word && !span_bit(run->alloc, last) && span_is_object(run, last);
}

// Programs with Go code only: elsewhere nobody has met it, and a small program's heap lies near its stacks.
#define BIAS_MAX 16384u
static bool could_be_biased(const G *g, uintptr_t word) {
    if (traceback_by_frames()) return false; // no Go
    for (const StackSeg *s = g ? g->seg : NULL; s; s = s->older)
        if (word + BIAS_MAX > s->base && word < (uintptr_t)s + BIAS_MAX) return true;
    return false;
}

// The same for a word that may be made of two.
static void check_mixed(const Holder *h, const uintptr_t *at) {
    uintptr_t word = raw_word(at);
    const Span *s = word & 1 ? NULL : span_of(word);
    if (!s) return;
    uint32_t slot = span_slot(s, word);
    if (word != s->base + slot * s->slot_bytes || slot >= s->slots || !span_is_object(s, slot) || span_bit(s->mark, slot)) return;
    if (!could_be_torn(s, word) && !could_be_end(word) && !could_be_run_end(s, slot, word) && !could_be_biased(h->g, word)) lost(h, at, s, slot);
}

// ---- objects

// May word w of the object hold a pointer?
bool object_pointer_at(const Span *s, uint32_t slot, size_t w) {
    if (s->kind == SPAN_BITS) {
        uint64_t same = load_relaxed(&s->same_bits);
        if (same) return same >> w & 1;
        size_t bit = slot * (s->slot_bytes / 8) + w;
        return s->ptr_bits[bit / 64] >> bit % 64 & 1;
    }
    const Type *t = s->types[slot];
    if (t->kind & KIND_GCPROG) return true;
    size_t in = w * 8 % t->size;
    return in < t->ptrdata && t->gcdata[in / 64] >> (in / 8 % 8) & 1;
}

static void check_span(Span *s, void *unused) {
    if (s->kind == SPAN_NOSCAN) return;
    for (uint32_t i = 0; i < s->slots; i++) {
        if (!span_is_object(s, i) || !span_bit(s->mark, i)) continue;
        Holder h = {"", NULL, s->base + i * s->slot_bytes, type_of_slot(s, i)};
        for (size_t w = 0; w < s->slot_bytes / 8; w++)
            if (object_pointer_at(s, i, w)) check_word(&h, (const uintptr_t *)h.base + w);
    }
}

// ---- roots

static void check_mixed_words(const Holder *h, const void *lo, const void *hi) {
    for (const uintptr_t *w = lo; w + 1 <= (const uintptr_t *)hi; w++)
        check_mixed(h, w);
}

// General registers, and where the save area has them: x87 (bit 0 of XSTATE_BV), SSE (1) from byte 160 on, the upper halves of AVX's (2) from 576 on, in the compacted
// format, too.
static void check_context(const Holder *h, const Ctx *c) {
    const char *f = (const char *)c->fpu;
    bool xsave = rt_fpu_mode != FPU_FXSAVE;
    uint64_t there = xsave ? raw_word((const uintptr_t *)(f + 512)) : 3;
    check_mixed_words(h, c, &c->next);
    if (there & 2) check_mixed_words(h, f + 160, f + 416);
    if (there & rt_fpu_mask & 4) check_mixed_words(h, f + 576, f + 832);
}

static void check_root(const Root *r, void *unused) {
    static const char *const names[] = {"stack", "registers", "record", "armed timers", "labels", "the program's variables"};
    Holder h = {names[r->kind], r->g, r->kind == ROOT_CONTEXT ? (uintptr_t)r->lo : 0, NULL}; // of registers it is told which: the words of TrapFrame
    if (r->kind == ROOT_GOROUTINE) return; // links of the runtime
    if (r->kind == ROOT_CONTEXT) return check_context(&h, r->lo);
    if (r->kind == ROOT_STACK) return check_mixed_words(&h, r->lo, r->hi);
    for (const uintptr_t *w = r->lo; w + 1 <= (const uintptr_t *)r->hi; w++)
        check_word(&h, w);
}

void gc_verify(void) {
    heap_for_each_span(check_span, NULL);
    roots_of_others(check_root, NULL);
}

// ---- dead stack

// Volatile: the stores must not become a call, and must stay. Sanitizers have nothing to say about dead frames.
static __attribute__((no_sanitize("address", "thread"))) void clear(uintptr_t lo, uintptr_t hi) {
    for (volatile uintptr_t *w = (uintptr_t *)lo; w < (uintptr_t *)(hi & ~(uintptr_t)7); w++)
        *w = 0;
}

void gc_clear_dead_stack(G *g) {
    const StackSeg *s = g->seg;
    uintptr_t sp = g->ctx ? g->ctx->tf.rsp - 128 : g->sp;
    if (sp > s->base && sp <= (uintptr_t)s) clear(s->base + STACK_UNUSED, sp);
    for (s = s->older; s; s = s->older)
        clear(s->base + STACK_UNUSED, s->live);
    for (s = g->seg->newer; s; s = s->newer)
        clear(s->base + STACK_UNUSED, (uintptr_t)s);
}

void gc_clear_segment(StackSeg *s) { clear(s->base + STACK_UNUSED, (uintptr_t)s); }
