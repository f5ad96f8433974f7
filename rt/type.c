// type.c -- descriptors of the built-in types, and their equality functions.
//
// The names are Go's, so that C and Go code that share channels agree: C's int is Go's int32, long is int.
// Equality is called on a goroutine's stack by whoever compares keys; general registers only, so floating
// point is compared by its bits.
#include "api/mem.h"
#include "bounds.h"
#include "core.h"

// ---- equality: bool equal(const void *a, const void *b)

static bool equal_1(const void *a, const void *b) {
    return *(const uint8_t *)a == *(const uint8_t *)b;
}
static bool equal_2(const void *a, const void *b) {
    return *(const uint16_t *)a == *(const uint16_t *)b;
}
static bool equal_4(const void *a, const void *b) {
    return *(const uint32_t *)a == *(const uint32_t *)b;
}
static bool equal_8(const void *a, const void *b) {
    return *(const uint64_t *)a == *(const uint64_t *)b;
}

// IEEE 754: zeros of either sign are equal, a NaN equals nothing.
static bool equal_f32(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (((x | y) & 0x7fffffffu) == 0) return true;
    return x == y && (x & 0x7fffffffu) <= 0x7f800000u;
}
static bool equal_f64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b, magnitude = ~0ull >> 1;
    if (((x | y) & magnitude) == 0) return true;
    return x == y && (x & magnitude) <= 0x7ffull << 52;
}

static bool equal_string(const void *a, const void *b) {
    const String *x = a, *y = b;
    return x->n == y->n && (x->n == 0 || x->p == y->p || __builtin_memcmp(x->p, y->p, (size_t)x->n) == 0);
}

// As Go's efaceeq: equal when type and value are.
static bool equal_any(const void *a, const void *b) {
    const Any *x = a, *y = b;
    if (x->type != y->type) return false;
    if (!x->type) return true;
    if (!x->type->equal) panic_texts("runtime error: comparing uncomparable type %s", x->type->string->p, "");
    if (x->type->kind & KIND_DIRECT) return x->data == y->data;
    bool (*equal)(const void *, const void *) =
        (bool (*)(const void *, const void *))(uintptr_t)x->type->equal->code;
    return x->data == y->data || equal(x->data, y->data);
}

#define EQUAL(fn) static const FuncVal fn##_val = {(void (*)(void))fn}
EQUAL(equal_1);
EQUAL(equal_2);
EQUAL(equal_4);
EQUAL(equal_f32);
EQUAL(equal_f64);
EQUAL(equal_string);
EQUAL(equal_any);
const FuncVal type_equal_8 = {(void (*)(void))equal_8};
#define equal_8_val type_equal_8

// ---- descriptors

const uint8_t type_ptr_bits[8] = {1};
static const uint8_t any_bits[8] = {3};

#define NUMBER(name, ctype, kind_, go_name, eq)                                                              \
    static const String name_of_##name = {go_name, sizeof(go_name) - 1};                                     \
    const Type type_##name = {.size = sizeof(ctype),                                                         \
                              .hash = kind_,                                                                 \
                              .align = _Alignof(ctype),                                                      \
                              .field_align = _Alignof(ctype),                                                \
                              .kind = kind_,                                                                 \
                              .equal = &eq##_val,                                                            \
                              .string = &name_of_##name}
NUMBER(bool, bool, KIND_BOOL, "bool", equal_1);
NUMBER(char, char, KIND_INT8, "int8", equal_1);
NUMBER(short, short, KIND_INT16, "int16", equal_2);
NUMBER(int, int, KIND_INT32, "int32", equal_4);
NUMBER(uint, unsigned, KIND_UINT32, "uint32", equal_4);
NUMBER(long, long, KIND_INT, "int", equal_8);
NUMBER(ulong, unsigned long, KIND_UINT, "uint", equal_8);
NUMBER(i8, int8_t, KIND_INT8, "int8", equal_1);
NUMBER(i16, int16_t, KIND_INT16, "int16", equal_2);
NUMBER(i32, int32_t, KIND_INT32, "int32", equal_4);
NUMBER(i64, int64_t, KIND_INT64, "int64", equal_8);
NUMBER(u8, uint8_t, KIND_UINT8, "uint8", equal_1);
NUMBER(u16, uint16_t, KIND_UINT16, "uint16", equal_2);
NUMBER(u32, uint32_t, KIND_UINT32, "uint32", equal_4);
NUMBER(u64, uint64_t, KIND_UINT64, "uint64", equal_8);
NUMBER(uintptr, uintptr_t, KIND_UINTPTR, "uintptr", equal_8);
NUMBER(float, float, KIND_FLOAT32, "float32", equal_f32);
NUMBER(double, double, KIND_FLOAT64, "float64", equal_f64);

#define WITH_POINTERS(name, ctype, pointers, kind_, bits, go_name, eq)                                       \
    static const String name_of_##name = {go_name, sizeof(go_name) - 1};                                     \
    const Type type_##name = {.size = sizeof(ctype),                                                         \
                              .ptrdata = (pointers),                                                         \
                              .hash = (kind_)&KIND_MASK,                                                     \
                              .align = 8,                                                                    \
                              .field_align = 8,                                                              \
                              .kind = kind_,                                                                 \
                              .equal = &eq##_val,                                                            \
                              .gcdata = bits,                                                                \
                              .string = &name_of_##name}
WITH_POINTERS(string, String, 8, KIND_STRING, type_ptr_bits, "string", equal_string);
WITH_POINTERS(any, Any, 16, KIND_INTERFACE, any_bits, "interface {}", equal_any);
WITH_POINTERS(ptr, void *, 8, KIND_UNSAFEPTR | KIND_DIRECT, type_ptr_bits, "unsafe.Pointer", equal_8);
