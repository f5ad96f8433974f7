// builder.c -- Builder (api/builder.h): bytes are only ever added behind the text, so Strings of it need no copy.
//
// Locks: none. Goroutine's stack.
#include "api/builder.h"
#include "bounds.h"
#include "cell.h"
#include "core.h"

TYPE_DEFINE_STRUCT(Builder, text_);

void builder_grow(Builder *b, intptr_t n) {
    intptr_t need;
    nil_check(b);
    if (n < 0) panic_plain("strings.Builder.Grow: negative count");
    if (__builtin_add_overflow(b->n_, n, &need) || need > (intptr_t)1 << 46) panic_runtime("runtime error: growslice: len out of range");
    if (need <= b->room_) return;
    intptr_t room = need < 2 * b->room_ ? 2 * b->room_ : need < 16 ? 16 : need;
    char *text = heap_alloc((size_t)room, NULL, 0);
    mem_copy(text, cell_get(b->text_), (size_t)b->n_);
    slot_store((char **)&b->text_, text);
    b->room_ = room;
}

void builder_add_bytes(Builder *b, const void *bytes, size_t n) {
    if (n == 0) return;
    builder_grow(b, (intptr_t)n);
    mem_copy(cell_get(b->text_) + b->n_, bytes, n);
    b->n_ += (intptr_t)n;
}

void builder_add(Builder *b, String s) {
    builder_add_bytes(b, s.p, (size_t)s.n);
}

void builder_add_rune(Builder *b, uint32_t r) {
    char text[4];
    builder_add_bytes(b, text, rune_encode(text, r));
}

void builder_add_int(Builder *b, int64_t v) {
    char text[20];
    size_t n = int_text(text, v);
    builder_add_bytes(b, text + sizeof text - n, n);
}
