// bounds.c -- panic values whose text has to be made: it lies in the heap, because it outlives the panic.
//
// Formatting needs more stack than a goroutine may have left, so it happens on the system stack.
#include "bounds.h"
#include "core.h"
#include "format.h"
#include "api/base.h"

#define TEXT_ROOM 200u

static const char *const formats[] = {
    [BOUNDS_INDEX] = "runtime error: index out of range [%ld] with length %ld",
    [BOUNDS_HI_CAP] = "runtime error: slice bounds out of range [:%ld] with capacity %ld",
    [BOUNDS_HI_LEN] = "runtime error: slice bounds out of range [:%ld] with length %ld",
    [BOUNDS_LO] = "runtime error: slice bounds out of range [%ld:%ld]",
    [BOUNDS_MAX] = "runtime error: slice bounds out of range [::%ld] with capacity %ld",
    [BOUNDS_HI3] = "runtime error: slice bounds out of range [:%ld:%ld]",
    [BOUNDS_LO3] = "runtime error: slice bounds out of range [%ld:%ld:]",
    [BOUNDS_INDEX_NEGATIVE] = "runtime error: index out of range [%ld]",
    [BOUNDS_HI_NEGATIVE] = "runtime error: slice bounds out of range [:%ld]",
    [BOUNDS_LO_NEGATIVE] = "runtime error: slice bounds out of range [%ld:]",
    [BOUNDS_MAX_NEGATIVE] = "runtime error: slice bounds out of range [::%ld]",
    [BOUNDS_HI3_NEGATIVE] = "runtime error: slice bounds out of range [:%ld:]",
    [BOUNDS_LO3_NEGATIVE] = "runtime error: slice bounds out of range [%ld::]",
};

typedef struct Text {
    char *out;
    const char *fmt;
    intptr_t a, b; // numbers, or texts
} Text;

static void format_text(char *out, const char *fmt, ...) {
    BufferSink s = buffer_sink(out, TEXT_ROOM - 1);
    va_list ap;
    va_start(ap, fmt);
    format_to(&s.sink, fmt, ap);
    va_end(ap);
    out[s.sink.total < TEXT_ROOM - 1 ? s.sink.total : TEXT_ROOM - 1] = 0;
}

static void make_text(void *arg) {
    Text *t = arg;
    format_text(t->out, t->fmt, t->a, t->b);
}

// Little of the stack may be left where the mistake was made.
#define TEXT_STACK 1024 // scripts/stack_indirect.txt: limit map

static void panic_with_text(void *arg) {
    Text *t = arg;
    t->out = heap_alloc(TEXT_ROOM, NULL, ALLOC_NULL_OK);
    if (!t->out) panic_runtime("runtime error: out of range (no memory for more words)");
    sys_call(make_text, t);
    panic_runtime(t->out);
}

static _Noreturn void panic_formatted(const char *fmt, intptr_t a, intptr_t b) {
    Text t = {NULL, fmt, a, b};
    call_with_stack(TEXT_STACK, panic_with_text, &t);
    __builtin_unreachable();
}

void bounds_panic(BoundsKind kind, intptr_t a, intptr_t b) {
    panic_formatted(formats[kind], a, b);
}

intptr_t check_index(intptr_t i, intptr_t n) {
    if (unlikely((uintptr_t)i >= (uintptr_t)n)) bounds_panic(i < 0 ? BOUNDS_INDEX_NEGATIVE : BOUNDS_INDEX, i, n);
    return i;
}

void panic_texts(const char *fmt, const char *a, const char *b) {
    panic_formatted(fmt, (intptr_t)a, (intptr_t)b);
}
