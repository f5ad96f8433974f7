// api/mem.h -- typed allocation for applications in C: new, make_array; cells; and the type descriptors behind them.
//
// Included by burrow.h. Every object on the heap has a type descriptor that says where its pointers are: without one
// it cannot be allocated, and a forgotten descriptor is a compile error ("type_Name undeclared"). Objects are zeroed, aligned to 16
// bytes, and never freed by hand.
//
//     typedef struct Node {
//         cell(struct Node *) next;              // a pointer in a heap object is a cell
//         cell(String) name;
//         cell(struct Node *) child[4];
//         int count;
//     } Node;
//     TYPE_STRUCT(Node, next, name, each(child)); // all its cells
//     TYPE_CELL(NodeCell, Node *);                // for arrays (and slices) of pointers
//
//     Node *n = new(Node);                        // Go: new(Node)
//     cell_set(n->next, other);                   // n.next = other
//     Node *m = cell_get(n->next);                // m = n.next
//     double *v = make_array(double, 1000);       // Go: make([]float64, 1000)
//     NodeCell *list = make_array(NodeCell, 10);  // Go: make([]*Node, 10)
//     cell_set(list[3], n);
//
// Why cells: while the collector marks, whoever overwrites a pointer in the heap must show it the old one first (rt/gc.h). Go's
// compiler sees to that; here `n->next = m`, `a->next = b->next` and `*a = *b` do not compile when cells are in them. Local variables,
// arguments and globals are plain pointers: the collector takes them as they are. A struct with pointers that is no heap object itself (a list head in
// a global, an element of a channel or map) may hold plain pointers, too: TYPE_VALUE below.
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
#define new(Name) ((Name *)object_new(OBJECT_TYPE_(Name)))
// The same; NULL when there is no memory.
#define new_try(Name) ((Name *)object_new_try(OBJECT_TYPE_(Name)))
// make_array(Name, n): n zeroed Names in a row; Name *. n == 0 gives a pointer that must not be dereferenced. Panics
// "runtime error: makeslice: len out of range" when n is negative or n * sizeof(Name) more than the machine could address (Go: make([]T, n)).
#define make_array(Name, n) ((Name *)array_new(OBJECT_TYPE_(Name), (n)))
// The same; NULL when there is no memory, or n is out of range.
#define make_array_try(Name, n) ((Name *)array_new_try(OBJECT_TYPE_(Name), (n)))

// The descriptor of a type whose objects the program may write to: its pointers are cells.
#define OBJECT_TYPE_(Name)                                                                                                         \
    (&type_##Name + 0 * object_type_##Name +                                                                                       \
     0 * sizeof(struct {                                                                                                           \
         _Static_assert(__builtin_classify_type(*(Name *)0) != 5, "in the heap, pointers are cells: TYPE_CELL(NameCell, Name)");   \
         int some_;                                                                                                                \
     }))

// What the macros call; for code that has its types only at run time. t: static, of the object or of the array's elements.
void *object_new(const Type *t);
void *object_new_try(const Type *t);
void *array_new(const Type *t, intptr_t n);
void *array_new_try(const Type *t, intptr_t n);

// ---- cells

// The type of a field or element that holds a T: a pointer, channel, map, slice, String, Any or interface.
#define cell(T)                                                                                                                    \
    struct {                                                                                                                       \
        __typeof__(T) const v_;                                                                                                    \
    }
// The value, which cannot be assigned to; a plain load.
#define cell_get(c) ((c).v_)
// Stores v (converted as by assignment). c is evaluated once.
#define cell_set(c, v)                                                                                                             \
    ({                                                                                                                             \
        __typeof__((void)0, (c).v_) cell_value_ = (v);                                                                                \
        _Static_assert(sizeof cell_value_ % 8 == 0 && sizeof cell_value_ <= 24, "cell_set: a cell holds 1 to 3 words");            \
        const uintptr_t *cell_words_ = (const uintptr_t *)&cell_value_;                                                            \
        sizeof cell_value_ == 8    ? cell_store((void *)&(c).v_, (void *)cell_words_[0])                                           \
        : sizeof cell_value_ == 16 ? cell_store_2((void *)&(c).v_, cell_words_[0], cell_words_[CELL_WORD_(1)])                     \
                                   : cell_store_3((void *)&(c).v_, cell_words_[0], cell_words_[CELL_WORD_(1)], cell_words_[CELL_WORD_(2)]); \
    })
#define CELL_WORD_(i) (sizeof cell_value_ / 8 > (i) ? (i) : 0)
// Copies or clears whole objects, or n in a row, pointers and all (Go: *dst = *src, copy(dst, src), clear). They may overlap. Long ones let
// others run between pieces of 64 KB. Name as for new, or a value type.
#define value_copy(Name, dst, src)      value_copy_n(Name, dst, src, 1)
#define value_clear(Name, dst)          value_clear_n(Name, dst, 1)
#define value_copy_n(Name, dst, src, n) ({                                                                                         \
        Name *value_to_ = (dst);                                                                                                   \
        const Name *value_from_ = (src);                                                                                           \
        value_copy_of(&type_##Name, value_to_, value_from_, (n));                                                                  \
    })
#define value_clear_n(Name, dst, n) ({                                                                                             \
        Name *value_to_ = (dst);                                                                                                   \
        value_clear_of(&type_##Name, value_to_, (n));                                                                              \
    })

void cell_store(void *slot, void *v);
void cell_store_2(void *slot, uintptr_t a, uintptr_t b);
void cell_store_3(void *slot, uintptr_t a, uintptr_t b, uintptr_t c);
// Panic "runtime error: makeslice: len out of range" when n is negative.
void value_copy_of(const Type *t, void *dst, const void *src, intptr_t n);
void value_clear_of(const Type *t, void *dst, intptr_t n);

// A pointer field of a heap object that never points into the heap (static tables, literals): n->name.at = "x". The collector does
// not look at it.
#define static_ptr(T)                                                                                                              \
    struct {                                                                                                                       \
        union {                                                                                                                    \
            __typeof__(T) at;                                                                                                      \
            __typeof__(T) static_ptr_;                                                                                             \
        };                                                                                                                         \
    }

// ---- figures of the machine's memory (Go: runtime.ReadMemStats). Exact when no other core allocates meanwhile.
typedef struct MemoryStats {
    size_t total;        // bytes that the runtime manages
    size_t free;         // bytes in no use
    size_t largest_free; // longest run of them
    size_t heap_objects; // slots in use, garbage not swept yet included (tiny objects share one)
    size_t heap_bytes;   // of these, rounded up to their size classes
    size_t stack_bytes;  // stack segments in use
    size_t near_bytes;   // on a machine with several NUMA nodes, ever taken from the memory of the asking core's own node
    size_t far_bytes;    // and of others, its own having none left
} MemoryStats;
MemoryStats memory_stats(void);
// NUMA nodes, as the machine's tables (SRAT) name them: 0..memory_nodes()-1. A machine without such tables is one node.
int memory_nodes(void);
typedef struct NodeStats {
    size_t total, free; // bytes
    int cores;          // that prefer this memory
} NodeStats;
NodeStats memory_node_stats(int node); // panics as a bad index does

// ---- descriptors
//
// Two kinds of types. *Object types* (TYPE_STRUCT, TYPE_CELL, TYPE_NOSCAN, numbers) have cells for pointers: new, make_array, slice, and everything else.
// *Value types* (TYPE_VALUE, TYPE_POINTER, String, Any) have plain pointers: elements of channels and maps, and values in an Any, which
// only the runtime writes; new and make_array refuse them. scripts/check_cells.py checks every program: a plain pointer in an object type, or a pointer that
// its descriptor does not list, is an error.

// The descriptor of a type, by its name: one identifier. `struct Node` needs a typedef.
#define type_of(Name) (&type_##Name)

// Object type: Name holds no pointers into the heap.
#define TYPE_NOSCAN(Name)                                                                                                          \
    enum { object_type_##Name };                                                                                                   \
    TYPE_DESCRIPTOR_(static, Name, 0, NULL, 0, NULL, NULL)

// Object type: Name is a struct; the other arguments, 1 to 16, are all its cells: `next`, `pair.left`, `child[0]`, each(child) for a whole array of
// cells. AtomicPtr counts as a cell. Pointers must lie in the first 4096 bytes.
#define TYPE_STRUCT(Name, ...)                                                                                                     \
    enum { object_type_##Name };                                                                                                   \
    TYPE_STRUCT_(static, Name, __VA_ARGS__)

// Object type: Cell becomes a typedef of cell(T). make_array(NodeCell, 10), slice(NodeCell).
#define TYPE_CELL(Cell, T)                                                                                                         \
    typedef cell(T) Cell;                                                                                                          \
    enum { object_type_##Cell };                                                                                                   \
    _Static_assert(sizeof(Cell) == 8 || sizeof(Cell) == 16 || sizeof(Cell) == 24, #Cell ": a cell holds 1 to 3 words");            \
    static const uint64_t type_bits_##Cell[1] = {TYPE_MASK_(0, (long)sizeof(Cell) / 8, TYPE_STRIDE_(((Cell *)0)->v_), 0)};         \
    TYPE_DESCRIPTOR_(static, Cell, sizeof(Cell), type_bits_##Cell, 0, NULL, NULL)

// Value type: Name is a struct; the other arguments are all its fields that hold pointers: pointers, String, Any, slices, channels, maps.
#define TYPE_VALUE(Name, ...) TYPE_VALUE_(static, Name, __VA_ARGS__)

// Value type: Name is a typedef of a pointer type: typedef Node *NodePtr; TYPE_POINTER(NodePtr); chan(NodePtr)
#define TYPE_POINTER(Name)                                                                                                         \
    _Static_assert(__builtin_classify_type((Name)0) == 5, #Name " is not a pointer type");                                         \
    static const String type_name_##Name = {#Name, sizeof(#Name) - 1};                                                             \
    static const Type __attribute__((unused)) type_##Name = {.size = 8,                                                            \
                                                             .ptrdata = 8,                                                         \
                                                             .tflag = TYPE_IS_VALUE,                                               \
                                                             .align = 8,                                                           \
                                                             .field_align = 8,                                                     \
                                                             .kind = KIND_UNSAFEPTR | KIND_DIRECT,                                 \
                                                             .equal = &type_equal_8,                                               \
                                                             .gcdata = type_ptr_bits,                                              \
                                                             .string = &type_name_##Name}

// For a type of several files: TYPE_DECLARE(Name) in the header, TYPE_DEFINE_STRUCT(Name, cells...) or TYPE_DEFINE_NOSCAN(Name) in one file;
// for a value type TYPE_DECLARE_VALUE and TYPE_DEFINE_VALUE.
#define TYPE_DECLARE(Name)                                                                                                         \
    enum { object_type_##Name };                                                                                                   \
    extern const Type type_##Name
#define TYPE_DECLARE_VALUE(Name)      extern const Type type_##Name
#define TYPE_DEFINE_STRUCT(Name, ...) TYPE_STRUCT_(, Name, __VA_ARGS__)
#define TYPE_DEFINE_NOSCAN(Name)      TYPE_DESCRIPTOR_(, Name, 0, NULL, 0, NULL, NULL)
#define TYPE_DEFINE_VALUE(Name, ...)  TYPE_VALUE_(, Name, __VA_ARGS__)

// Bits of Type.tflag: Go's "its bytes decide equality"; and two of Burrow's own, which gccgo's descriptors leave clear.
enum { TYPE_PLAIN_BYTES = 8, TYPE_IS_VALUE = 64, TYPE_HAS_HASH = 128 }; // HAS_HASH: `uncommon` points to its FuncVal (api/map.h)

#define TYPE_DESCRIPTOR_(storage, Name, pointers, bits, flags, equal_fn, more)                                                     \
    static const String type_name_##Name = {#Name, sizeof(#Name) - 1};                                                             \
    storage const Type __attribute__((unused)) type_##Name = {.size = sizeof(Name),                                                \
                                                              .ptrdata = (pointers),                                               \
                                                              .tflag = (flags),                                                    \
                                                              .align = _Alignof(Name),                                             \
                                                              .field_align = _Alignof(Name),                                       \
                                                              .kind = KIND_STRUCT,                                                 \
                                                              .equal = (equal_fn),                                                 \
                                                              .gcdata = (const uint8_t *)(bits),                                   \
                                                              .string = &type_name_##Name,                                         \
                                                              .uncommon = (more)}
#define TYPE_STRUCT_(storage, Name, ...)                                                                                           \
    TYPE_EACH(TYPE_CHECK_CELL, Name, __VA_ARGS__)                                                                                  \
    TYPE_BITS_(Name, TYPE_CELL_BIT, __VA_ARGS__)                                                                                   \
    TYPE_DESCRIPTOR_(storage, Name, TYPE_PTRDATA_(Name, __VA_ARGS__), type_bits_##Name, 0, NULL, NULL)
#define TYPE_VALUE_(storage, Name, ...)                                                                                            \
    TYPE_EACH(TYPE_CHECK_PLAIN, Name, __VA_ARGS__)                                                                                 \
    TYPE_BITS_(Name, TYPE_PLAIN_BIT, __VA_ARGS__)                                                                                  \
    TYPE_DESCRIPTOR_(storage, Name, TYPE_PTRDATA_(Name, __VA_ARGS__), type_bits_##Name, TYPE_IS_VALUE, NULL, NULL)
// Where the last of the fields ends: the largest member of a union. (Members need names, and all of them different ones.)
#define TYPE_PTRDATA_(Name, ...)   sizeof(union { TYPE_EACH(TYPE_UP_TO_END_, Name, __VA_ARGS__) })
#define TYPE_UP_TO_END_(T, f)      char TYPE_PASTE_(end_, __COUNTER__)[offsetof(T, TYPE_WHOLE_(f)) + sizeof(((T *)0)->TYPE_WHOLE_(f))];
#define TYPE_PASTE_(a, b)          TYPE_PASTE_2_(a, b)
#define TYPE_PASTE_2_(a, b)        a##b

// The bitmap: BIT is TYPE_CELL_BIT or TYPE_PLAIN_BIT.
#define TYPE_BITS_(Name, BIT, ...)                                                                                                 \
    static const uint64_t type_bits_##Name[8] = {                                                                                  \
        0 TYPE_EACH(BIT##0, Name, __VA_ARGS__), 0 TYPE_EACH(BIT##1, Name, __VA_ARGS__), 0 TYPE_EACH(BIT##2, Name, __VA_ARGS__),    \
        0 TYPE_EACH(BIT##3, Name, __VA_ARGS__), 0 TYPE_EACH(BIT##4, Name, __VA_ARGS__), 0 TYPE_EACH(BIT##5, Name, __VA_ARGS__),    \
        0 TYPE_EACH(BIT##6, Name, __VA_ARGS__), 0 TYPE_EACH(BIT##7, Name, __VA_ARGS__)};

// A field as the user wrote it: f gives f, f; each(f) gives f, f[0]: the whole, and one element.
#define TYPE_FIELD_each(a)                 , a, a[0]
#define TYPE_WHOLE_(f)                     TYPE_SECOND_(TYPE_FIELD_##f, f, f, )
#define TYPE_ELEMENT_(f)                   TYPE_THIRD_(TYPE_FIELD_##f, f, f, )
#define TYPE_SECOND_(...)                  TYPE_SECOND_2_(__VA_ARGS__)
#define TYPE_SECOND_2_(a, b, ...)          b
#define TYPE_THIRD_(...)                   TYPE_THIRD_2_(__VA_ARGS__)
#define TYPE_THIRD_2_(a, b, c, ...)        c

#define TYPE_CHECK_CELL(T, f)                                                                                                      \
    _Static_assert(__builtin_classify_type(((T *)0)->TYPE_ELEMENT_(f)) == 12, #T "." #f " is not a cell");                         \
    TYPE_CHECK_PLACE_(T, f, ((T *)0)->TYPE_ELEMENT_(f).v_)
#define TYPE_CHECK_PLAIN(T, f)                                                                                                     \
    _Static_assert(__builtin_classify_type(((T *)0)->TYPE_ELEMENT_(f)) == 12 ||                                                    \
                       __builtin_classify_type(((T *)0)->TYPE_ELEMENT_(f)) == 5, #T "." #f " is not a pointer");                   \
    TYPE_CHECK_PLACE_(T, f, ((T *)0)->TYPE_ELEMENT_(f))
#define TYPE_CHECK_PLACE_(T, f, value)                                                                                             \
    _Static_assert(sizeof(value) == 8 || sizeof(value) == 16 || sizeof(value) == 24, #T "." #f " is not a pointer");               \
    _Static_assert(sizeof(((T *)0)->TYPE_WHOLE_(f)) % sizeof(value) == 0, #T "." #f ": an array is listed as each(" #f ")");       \
    _Static_assert(offsetof(T, TYPE_WHOLE_(f)) % 8 == 0 &&                                                                         \
                       offsetof(T, TYPE_WHOLE_(f)) + sizeof(((T *)0)->TYPE_WHOLE_(f)) <= 4096,                                     \
                   #T "." #f ": misaligned, or beyond 4096 bytes");
// Of how many words is the first a pointer? String {pointer, length}: 2; slices {pointer, length, capacity}: 3; pointers, Any and interfaces {static
// word, pointer}: each word may be one.
#define TYPE_STRIDE_(value)  (_Generic((value), String : 2, default : sizeof(value) == 24 ? 3 : 1))
// Of the bitmap's 64-bit word w, the part that the words [o, o + n) contribute, every k-th being a pointer.
#define TYPE_MASK_(o, n, k, w) (TYPE_UPTO_((o) + (n)-64 * (w)) & ~TYPE_UPTO_((o)-64 * (w)) & TYPE_EVERY_((k), (o)-64 * (w)))
#define TYPE_UPTO_(x)          ((x) <= 0 ? 0ull : (x) >= 64 ? ~0ull : (1ull << ((x)&63)) - 1)
#define TYPE_EVERY_(k, o)                                                                                                          \
    ((k) == 1 ? ~0ull : (k) == 2 ? 0x5555555555555555ull << ((o)&1) : 0x9249249249249249ull << (((o) % 3 + 3) % 3))
#define TYPE_BIT_(w, T, f, value)                                                                                                  \
    | TYPE_MASK_((long)offsetof(T, TYPE_WHOLE_(f)) / 8, (long)sizeof(((T *)0)->TYPE_WHOLE_(f)) / 8, TYPE_STRIDE_(value), w)
#define TYPE_CELL_BIT(w, T, f)  TYPE_BIT_(w, T, f, ((T *)0)->TYPE_ELEMENT_(f).v_)
#define TYPE_CELL_BIT0(T, f)    TYPE_CELL_BIT(0, T, f)
#define TYPE_CELL_BIT1(T, f)    TYPE_CELL_BIT(1, T, f)
#define TYPE_CELL_BIT2(T, f)    TYPE_CELL_BIT(2, T, f)
#define TYPE_CELL_BIT3(T, f)    TYPE_CELL_BIT(3, T, f)
#define TYPE_CELL_BIT4(T, f)    TYPE_CELL_BIT(4, T, f)
#define TYPE_CELL_BIT5(T, f)    TYPE_CELL_BIT(5, T, f)
#define TYPE_CELL_BIT6(T, f)    TYPE_CELL_BIT(6, T, f)
#define TYPE_CELL_BIT7(T, f)    TYPE_CELL_BIT(7, T, f)
#define TYPE_PLAIN_BIT(w, T, f) TYPE_BIT_(w, T, f, ((T *)0)->TYPE_ELEMENT_(f))
#define TYPE_PLAIN_BIT0(T, f)   TYPE_PLAIN_BIT(0, T, f)
#define TYPE_PLAIN_BIT1(T, f)   TYPE_PLAIN_BIT(1, T, f)
#define TYPE_PLAIN_BIT2(T, f)   TYPE_PLAIN_BIT(2, T, f)
#define TYPE_PLAIN_BIT3(T, f)   TYPE_PLAIN_BIT(3, T, f)
#define TYPE_PLAIN_BIT4(T, f)   TYPE_PLAIN_BIT(4, T, f)
#define TYPE_PLAIN_BIT5(T, f)   TYPE_PLAIN_BIT(5, T, f)
#define TYPE_PLAIN_BIT6(T, f)   TYPE_PLAIN_BIT(6, T, f)
#define TYPE_PLAIN_BIT7(T, f)   TYPE_PLAIN_BIT(7, T, f)

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
#define type_StringCell type_string
#define type_AnyCell   type_any
#define type_PtrCell   type_ptr
// Object types of these; String, Any and Ptr are value types, their cells object types.
typedef cell(String) StringCell;
typedef cell(Any) AnyCell;
typedef cell(Ptr) PtrCell;
#define object_type__Bool     object_type_bool
#define object_type_int8_t    object_type_i8
#define object_type_int16_t   object_type_i16
#define object_type_int32_t   object_type_i32
#define object_type_int64_t   object_type_i64
#define object_type_uint8_t   object_type_u8
#define object_type_uint16_t  object_type_u16
#define object_type_uint32_t  object_type_u32
#define object_type_uint64_t  object_type_u64
#define object_type_size_t    object_type_ulong
#define object_type_intptr_t  object_type_long
#define object_type_uintptr_t object_type_uintptr
enum {
    object_type_bool, object_type_char, object_type_short, object_type_int, object_type_uint, object_type_long, object_type_ulong,
    object_type_i8, object_type_i16, object_type_i32, object_type_i64, object_type_u8, object_type_u16, object_type_u32, object_type_u64,
    object_type_uintptr, object_type_float, object_type_double, object_type_StringCell, object_type_AnyCell, object_type_PtrCell
};

extern const FuncVal type_equal_8; // equality of 8 plain bytes
extern const uint8_t type_ptr_bits[8]; // pointer bitmap: the first word is a pointer
