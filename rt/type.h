// type.h -- the type descriptor that C and gccgo share (gccgo 12's libgo _type, 64 bytes).
// Static, immutable, never freed. Source: libgo/go/runtime/type.go.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct String { const char *p; intptr_t n; } String;
typedef struct FuncVal { void (*code)(void); } FuncVal; // gccgo: a func value points to {code, captures...}

typedef struct Type {
    uintptr_t size;
    uintptr_t ptrdata; // bytes of the prefix that can contain pointers; 0: noscan
    uint32_t hash;
    uint8_t tflag, align, field_align, kind;
    const FuncVal *equal;   // bool equal(void *a, void *b); NULL: not comparable
    const uint8_t *gcdata;  // pointer bitmap, one bit a word, ptrdata/8 bits; kind & KIND_GCPROG: a program
    const String *string;
    const void *uncommon;
    const struct Type *ptr_to_this;
} Type;
_Static_assert(sizeof(Type) == 64, "gccgo's layout");

enum { KIND_DIRECT = 32, KIND_GCPROG = 64, KIND_MASK = 31 };
enum {
    KIND_BOOL = 1, KIND_INT, KIND_INT8, KIND_INT16, KIND_INT32, KIND_INT64, KIND_UINT, KIND_UINT8, KIND_UINT16, KIND_UINT32,
    KIND_UINT64, KIND_UINTPTR, KIND_FLOAT32, KIND_FLOAT64, KIND_COMPLEX64, KIND_COMPLEX128, KIND_ARRAY, KIND_CHAN, KIND_FUNC,
    KIND_INTERFACE, KIND_MAP, KIND_PTR, KIND_SLICE, KIND_STRING, KIND_STRUCT, KIND_UNSAFEPTR,
};

// An interface value without methods: {dynamic type, data word}. Pointer-shaped types (KIND_DIRECT) store the value itself.
typedef struct Any { const Type *type; void *data; } Any;
