// api/mem.h -- typed allocation for applications in C: new, make_array, and the type descriptors that they take.
//
// Included by burrow.h. Every object on the heap has a type descriptor that says where its pointers are: without one
// it cannot be allocated, and a forgotten descriptor is a compile error ("type_Name undeclared"). Objects are zeroed, aligned to 16
// bytes, and never freed by hand.
//
//     typedef struct Node { struct Node *next; String name; int count; } Node;
//     TYPE_STRUCT(Node, next, name.p);           // the fields that are pointers
//     Node *n = new(Node);                       // Go: new(Node)
//     double *v = make_array(double, 1000);      // Go: make([]float64, 1000)
//
// All of this is called from goroutines, never blocks (it may yield), and needs no lock. Out of memory ends the program with
// "fatal error: out of memory", as in Go, except for the _try forms.
#pragma once
#include "../type.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- allocation

// new(Name): a zeroed Name; Name * (Go: new(T), &T{}).
#define new(Name) ((Name *)object_new(&type_##Name))
// The same; NULL when there is no memory.
#define new_try(Name) ((Name *)object_new_try(&type_##Name))
// make_array(Name, n): n zeroed Names in a row; Name *. n == 0 gives a pointer that must not be dereferenced. Panics
// "runtime error: makeslice: len out of range" when n is negative or n * sizeof(Name) more than the machine could address (Go: make([]T, n)).
#define make_array(Name, n) ((Name *)array_new(&type_##Name, (n)))
// The same; NULL when there is no memory, or n is out of range.
#define make_array_try(Name, n) ((Name *)array_new_try(&type_##Name, (n)))

// What the macros call; for code that has its types only at run time. t: static, of the object or of the array's elements.
void *object_new(const Type *t);
void *object_new_try(const Type *t);
void *array_new(const Type *t, intptr_t n);
void *array_new_try(const Type *t, intptr_t n);

// ---- figures of the machine's memory (Go: runtime.ReadMemStats). Exact when no other core allocates meanwhile.
typedef struct MemoryStats {
    size_t total;        // bytes that the runtime manages
    size_t free;         // bytes in no use
    size_t largest_free; // longest run of them
    size_t heap_objects; // allocated so far
    size_t heap_bytes;   // of these, rounded up to their size classes
    size_t stack_bytes;  // stack segments in use
} MemoryStats;
MemoryStats memory_stats(void);

// ---- descriptors

// The descriptor of a type, by its name: one word. `struct Node` needs a typedef.
#define type_of(Name) (&type_##Name)

// Name holds no pointers into the heap.
#define TYPE_NOSCAN(Name)                                                                                                          \
    static const String type_name_##Name = {#Name, sizeof(#Name) - 1};                                                             \
    static const Type __attribute__((unused)) type_##Name = {                                                                      \
        .size = sizeof(Name), .align = _Alignof(Name), .field_align = _Alignof(Name), .kind = KIND_STRUCT, .string = &type_name_##Name}

// Name is a struct; the other arguments, 1 to 16, name all its fields that are pointers: `next`, `name.p`, `child[0]`. A field
// that is no pointer is refused. Pointers must lie in the first 4096 bytes.
#define TYPE_STRUCT(Name, ...) TYPE_STRUCT_(static, Name, __VA_ARGS__)

// Name is a typedef of a pointer type: typedef Node *NodePtr; TYPE_POINTER(NodePtr); make_array(NodePtr, 10)
#define TYPE_POINTER(Name)                                                                                                         \
    _Static_assert(__builtin_classify_type((Name)0) == 5, #Name " is not a pointer type");                                         \
    static const String type_name_##Name = {#Name, sizeof(#Name) - 1};                                                             \
    static const Type __attribute__((unused)) type_##Name = {.size = 8,                                                            \
                                                             .ptrdata = 8,                                                         \
                                                             .align = 8,                                                           \
                                                             .field_align = 8,                                                     \
                                                             .kind = KIND_UNSAFEPTR | KIND_DIRECT,                                 \
                                                             .equal = &type_equal_8,                                               \
                                                             .gcdata = type_ptr_bits,                                              \
                                                             .string = &type_name_##Name}

// For a type of several files: TYPE_DECLARE(Name) in the header, TYPE_DEFINE_STRUCT(Name, fields...) in one file.
#define TYPE_DECLARE(Name)            extern const Type type_##Name
#define TYPE_DEFINE_STRUCT(Name, ...) TYPE_STRUCT_(, Name, __VA_ARGS__)

#define TYPE_STRUCT_(storage, Name, ...)                                                                                           \
    TYPE_EACH(TYPE_CHECK_FIELD, Name, __VA_ARGS__)                                                                                 \
    static const uint64_t type_bits_##Name[8] = {                                                                                  \
        0 TYPE_EACH(TYPE_BIT0, Name, __VA_ARGS__), 0 TYPE_EACH(TYPE_BIT1, Name, __VA_ARGS__),                                      \
        0 TYPE_EACH(TYPE_BIT2, Name, __VA_ARGS__), 0 TYPE_EACH(TYPE_BIT3, Name, __VA_ARGS__),                                      \
        0 TYPE_EACH(TYPE_BIT4, Name, __VA_ARGS__), 0 TYPE_EACH(TYPE_BIT5, Name, __VA_ARGS__),                                      \
        0 TYPE_EACH(TYPE_BIT6, Name, __VA_ARGS__), 0 TYPE_EACH(TYPE_BIT7, Name, __VA_ARGS__)};                                     \
    static const String type_name_##Name = {#Name, sizeof(#Name) - 1};                                                             \
    storage const Type __attribute__((unused)) type_##Name = {                                                                     \
        .size = sizeof(Name),                                                                                                      \
        .ptrdata = sizeof(Name) > 4096 ? 4096 : sizeof(Name) / 8 * 8,                                                              \
        .align = _Alignof(Name),                                                                                                   \
        .field_align = _Alignof(Name),                                                                                             \
        .kind = KIND_STRUCT,                                                                                                       \
        .gcdata = (const uint8_t *)type_bits_##Name,                                                                               \
        .string = &type_name_##Name}

#define TYPE_CHECK_FIELD(T, f)                                                                                                     \
    _Static_assert(__builtin_classify_type(((T *)0)->f) == 5 && sizeof(((T *)0)->f) == 8, #T "." #f " is not a pointer");          \
    _Static_assert(offsetof(T, f) % 8 == 0 && offsetof(T, f) < 4096, #T "." #f ": misaligned, or beyond 4096 bytes");
#define TYPE_BIT(w, T, f) | (offsetof(T, f) / 512 == (w) ? 1ull << (offsetof(T, f) / 8 % 64) : 0)
#define TYPE_BIT0(T, f)   TYPE_BIT(0, T, f)
#define TYPE_BIT1(T, f)   TYPE_BIT(1, T, f)
#define TYPE_BIT2(T, f)   TYPE_BIT(2, T, f)
#define TYPE_BIT3(T, f)   TYPE_BIT(3, T, f)
#define TYPE_BIT4(T, f)   TYPE_BIT(4, T, f)
#define TYPE_BIT5(T, f)   TYPE_BIT(5, T, f)
#define TYPE_BIT6(T, f)   TYPE_BIT(6, T, f)
#define TYPE_BIT7(T, f)   TYPE_BIT(7, T, f)

// TYPE_EACH(m, T, a, b, ...): m(T, a) m(T, b) ... for 1 to 16 arguments.
#define TYPE_EACH(m, T, ...)                                                                                                       \
    TYPE_PICK(__VA_ARGS__, TYPE_E16, TYPE_E15, TYPE_E14, TYPE_E13, TYPE_E12, TYPE_E11, TYPE_E10, TYPE_E9, TYPE_E8, TYPE_E7,        \
              TYPE_E6, TYPE_E5, TYPE_E4, TYPE_E3, TYPE_E2, TYPE_E1, )                                                              \
    (m, T, __VA_ARGS__)
#define TYPE_PICK(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, name, ...) name
#define TYPE_E1(m, T, f)       m(T, f)
#define TYPE_E2(m, T, f, ...)  m(T, f) TYPE_E1(m, T, __VA_ARGS__)
#define TYPE_E3(m, T, f, ...)  m(T, f) TYPE_E2(m, T, __VA_ARGS__)
#define TYPE_E4(m, T, f, ...)  m(T, f) TYPE_E3(m, T, __VA_ARGS__)
#define TYPE_E5(m, T, f, ...)  m(T, f) TYPE_E4(m, T, __VA_ARGS__)
#define TYPE_E6(m, T, f, ...)  m(T, f) TYPE_E5(m, T, __VA_ARGS__)
#define TYPE_E7(m, T, f, ...)  m(T, f) TYPE_E6(m, T, __VA_ARGS__)
#define TYPE_E8(m, T, f, ...)  m(T, f) TYPE_E7(m, T, __VA_ARGS__)
#define TYPE_E9(m, T, f, ...)  m(T, f) TYPE_E8(m, T, __VA_ARGS__)
#define TYPE_E10(m, T, f, ...) m(T, f) TYPE_E9(m, T, __VA_ARGS__)
#define TYPE_E11(m, T, f, ...) m(T, f) TYPE_E10(m, T, __VA_ARGS__)
#define TYPE_E12(m, T, f, ...) m(T, f) TYPE_E11(m, T, __VA_ARGS__)
#define TYPE_E13(m, T, f, ...) m(T, f) TYPE_E12(m, T, __VA_ARGS__)
#define TYPE_E14(m, T, f, ...) m(T, f) TYPE_E13(m, T, __VA_ARGS__)
#define TYPE_E15(m, T, f, ...) m(T, f) TYPE_E14(m, T, __VA_ARGS__)
#define TYPE_E16(m, T, f, ...) m(T, f) TYPE_E15(m, T, __VA_ARGS__)

// ---- built-in descriptors (rt/type.c). Go's names: int is int32, long is int, u8 is uint8, ...
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef void *Ptr; // any pointer into the heap, or nil

extern const Type type_bool, type_char, type_short, type_int, type_uint, type_long, type_ulong;
extern const Type type_i8, type_i16, type_i32, type_i64, type_u8, type_u16, type_u32, type_u64, type_uintptr;
extern const Type type_float, type_double, type_string, type_any, type_ptr;
// Other names of the same types.
#define type__Bool     type_bool
#define type_int8_t    type_i8
#define type_int16_t   type_i16
#define type_int32_t   type_i32
#define type_int64_t   type_i64
#define type_uint8_t   type_u8
#define type_uint16_t  type_u16
#define type_uint32_t  type_u32
#define type_uint64_t  type_u64
#define type_size_t    type_ulong
#define type_intptr_t  type_long
#define type_uintptr_t type_uintptr
#define type_String    type_string
#define type_Any       type_any
#define type_Ptr       type_ptr

extern const FuncVal type_equal_8; // equality of 8 plain bytes
extern const uint8_t type_ptr_bits[8]; // pointer bitmap: the first word is a pointer
