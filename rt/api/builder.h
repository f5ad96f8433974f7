// api/builder.h -- text that grows, as a heap object or a part of one (Go: strings.Builder).
//
//     Builder *b = new (Builder);                 // or a field: Builder out; TYPE_STRUCT(Owner, out.text_)
//     builder_add(b, string_of("x = "));
//     builder_add_int(b, 42);
//     String s = builder_string(b);               // stays valid and unchanged while b grows
//
// Ready for use when zeroed. No lock. Goroutine context; nothing blocks; out of memory as in mem.h. For a local variable StrBuf (fmt.h) does, too.
#pragma once
#include "mem.h"
#include "str.h"

typedef struct Builder {
    cell(char *) text_; // room_ bytes, of which n_ are text
    intptr_t n_, room_;
} Builder;
TYPE_DECLARE(Builder);

void builder_add(Builder *b, String s);
void builder_add_bytes(Builder *b, const void *bytes, size_t n);
void builder_add_rune(Builder *b, uint32_t r);
void builder_add_int(Builder *b, int64_t v);
// Makes room for n more bytes (Grow).
void builder_grow(Builder *b, intptr_t n);
static inline intptr_t builder_len(const Builder *b) {
    return b->n_;
}
static inline String builder_string(const Builder *b) {
    return (String){b->n_ ? cell_get(b->text_) : NULL, b->n_};
}
// Empty again; Strings taken before stay as they are (Reset).
static inline void builder_reset(Builder *b) {
    cell_set(b->text_, NULL);
    b->n_ = b->room_ = 0;
}
