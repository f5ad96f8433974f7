// api/slice.h -- slices: a pointer into an array, a length and a capacity (Go: []T).
//
// `slice(T)` is a struct {T *p; intptr_t n, cap}, passed by value; copies share the array. T is the name of an object type (api/mem.h);
// TYPE_SLICE(T) once before the first use, numbers have it already. {0} is Go's nil slice. Slices of pointers have cells as elements:
//
//     TYPE_SLICE(Point);                                slice(Point) line = {0};
//     line = slice_append(Point, line, ((Point){1, 2})); slice_at(line, 0).x = 3;
//
//     TYPE_CELL(NodeCell, Node *);                      TYPE_SLICE(NodeCell);
//     slice(NodeCell) list = slice_make(NodeCell, 0, 10);
//     list = slice_append(NodeCell, list, node);        Node *n = cell_get(slice_at(list, 0));
//     cell_set(slice_at(list, 0), other);               for (intptr_t i = 0; i < list.n; i++) ...
//
// In a heap object: cell(slice(T)). For a struct that holds slices of itself, TYPE_SLICE comes between its typedef and its definition.
//
// Panics are Go's, "runtime error: ..." (recoverable). Goroutine context; nothing blocks; long copies let others run. Out of memory as in mem.h.
#pragma once
#include "base.h"
#include "mem.h"

#define slice(T) struct slice_##T
#define TYPE_SLICE(T)                                                                                        \
    struct slice_##T {                                                                                       \
        T *p;                                                                                                \
        intptr_t n, cap;                                                                                     \
    }

// slice_make(T, n) or slice_make(T, n, cap): zeroed (make([]T, n, cap)). "makeslice: len out of range", "makeslice: cap out of range".
#define slice_make(T, ...) SLICE_MAKE_(T, __VA_ARGS__, -1)
#define SLICE_MAKE_(T, n, cap, ...)                                                                          \
    ({                                                                                                       \
        slice(T) slice_new_;                                                                                 \
        slice_make_of(OBJECT_TYPE_(T), &slice_new_, (n), (cap), sizeof(#__VA_ARGS__) > 1);                   \
        slice_new_;                                                                                          \
    })
// The element as an lvalue. "index out of range [5] with length 3".
#define slice_at(s, i)                                                                                       \
    (*({                                                                                                     \
        __typeof__(s) slice_s_ = (s);                                                                        \
        &slice_s_.p[slice_index_((i), slice_s_.n)];                                                          \
    }))
// s[lo:hi], s[lo:], s[:hi], s[lo:hi:max]. hi may reach up to the capacity. "slice bounds out of range [:5] with capacity 3", ...
#define slice_sub(s, lo, hi)       SLICE_SUB_(s, lo, hi, -1, SLICE_LO | SLICE_HI)
#define slice_from(s, lo)          SLICE_SUB_(s, lo, 0, -1, SLICE_LO)
#define slice_to(s, hi)            SLICE_SUB_(s, 0, hi, -1, SLICE_HI)
#define slice_sub3(s, lo, hi, max) SLICE_SUB_(s, lo, hi, max, SLICE_LO | SLICE_HI | SLICE_MAX)
#define SLICE_SUB_(s, lo, hi, max, given)                                                                    \
    ({                                                                                                       \
        __typeof__((void)0, (s)) slice_s_ = (s); /* without const */                                         \
        slice_sub_of(&slice_s_, sizeof *slice_s_.p, (lo), (hi), (max), (given));                             \
        slice_s_;                                                                                            \
    })
// append(s, v): s with v behind it, in the same array if there is room, else in a new one of at least twice (later 1.25 times) the
// capacity. Use the result: s = slice_append(T, s, v).
#define slice_append(T, s, v)                                                                                \
    ({                                                                                                       \
        slice(T) slice_s_ = (s);                                                                             \
        T slice_v_[1] = {v};                                                                                 \
        if (__builtin_expect(slice_s_.n >= slice_s_.cap, 0)) slice_grow_of(OBJECT_TYPE_(T), &slice_s_, 1);   \
        SLICE_STORE_(T, slice_s_.p + slice_s_.n, slice_v_);                                                  \
        slice_s_.n++;                                                                                        \
        slice_s_;                                                                                            \
    })
// append(s, other...). other may be a part of s.
#define slice_append_slice(T, s, other)                                                                      \
    ({                                                                                                       \
        slice(T) slice_s_ = (s), slice_o_ = (other);                                                         \
        slice_append_of(OBJECT_TYPE_(T), &slice_s_, slice_o_.p, slice_o_.n);                                 \
        slice_s_;                                                                                            \
    })
// The n elements at from, copied behind s.
#define slice_append_array(T, s, from, count)                                                                \
    ({                                                                                                       \
        slice(T) slice_s_ = (s);                                                                             \
        const T *slice_o_ = (from);                                                                          \
        slice_append_of(OBJECT_TYPE_(T), &slice_s_, slice_o_, (count));                                      \
        slice_s_;                                                                                            \
    })
// copy(dst, src): as many elements as the shorter has; they may overlap. Returns how many.
#define slice_copy(T, dst, src)                                                                              \
    ({                                                                                                       \
        slice(T) slice_s_ = (dst), slice_o_ = (src);                                                         \
        intptr_t slice_k_ = slice_s_.n < slice_o_.n ? slice_s_.n : slice_o_.n;                               \
        value_copy_of(OBJECT_TYPE_(T), slice_s_.p, slice_o_.p, slice_k_);                                    \
        slice_k_;                                                                                            \
    })
// All elements become zero (clear(s)).
#define slice_clear(T, s)                                                                                    \
    ({                                                                                                       \
        slice(T) slice_s_ = (s);                                                                             \
        value_clear_of(OBJECT_TYPE_(T), slice_s_.p, slice_s_.n);                                             \
    })

// ---- what the macros call. s: a slice of any type
enum { SLICE_LO = 1, SLICE_HI = 2, SLICE_MAX = 4 };
void slice_make_of(const Type *t, void *s, intptr_t n, intptr_t cap, bool cap_given);
void slice_sub_of(void *s, size_t elem_bytes, intptr_t lo, intptr_t hi, intptr_t max, int given);
void slice_grow_of(const Type *t, void *s, intptr_t more); // room for n + more elements; n stays
void slice_append_of(const Type *t, void *s, const void *from, intptr_t n);

static inline intptr_t slice_index_(intptr_t i, intptr_t n) {
    return __builtin_expect((uintptr_t)i < (uintptr_t)n, 1) ? i : check_index(i, n);
}
// Numbers are stored in place; what has pointers goes through the barrier.
#define SLICE_STORE_(T, to, from)                                                                            \
    ((__builtin_classify_type(*(from)) != 12 || type_##T.ptrdata == 0)                                       \
         ? (void)__builtin_memcpy((void *)(to), (from), sizeof(T))                                           \
     : sizeof(T) == 8 ? cell_store((void *)(to), *(void **)(from))                                           \
                      : value_copy_of(&type_##T, (void *)(to), (from), 1))

#define slice__Bool slice_bool
TYPE_SLICE(bool);
TYPE_SLICE(char);
TYPE_SLICE(short);
TYPE_SLICE(int);
TYPE_SLICE(uint);
TYPE_SLICE(long);
TYPE_SLICE(ulong);
TYPE_SLICE(i8);
TYPE_SLICE(i16);
TYPE_SLICE(i32);
TYPE_SLICE(i64);
TYPE_SLICE(u8);
TYPE_SLICE(u16);
TYPE_SLICE(u32);
TYPE_SLICE(u64);
TYPE_SLICE(float);
TYPE_SLICE(double);
TYPE_SLICE(StringCell);
TYPE_SLICE(AnyCell);
TYPE_SLICE(PtrCell);
