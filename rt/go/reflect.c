// reflect.c -- calls of functions whose type only the run knows: reflect.Value.Call, reflect.MakeFunc, by libffi, which is part of libgo.a.
//
// libffi wants a description of arguments and result (a "cif") made of ffi_types; ours are made from Go's type descriptors. They live on the heap, in objects whose
// words all count as pointers: they point to each other, and package reflect keeps the cif.
//
// libffi is not split-stack code: it runs with FFI_ROOM bytes and what the arguments take. It needs no executable memory: closures are Go's (static chain).
// Rejected: calling conventions in assembly of our own; the classification of structs is a page of rules that libffi has right.
#include "go.h"
#include "start.h"
#include "../map.h"

// <ffi.h> as far as it is needed (x86-64, Unix).
typedef struct FfiType { size_t size; uint16_t align, type; struct FfiType **elements; } FfiType;
typedef struct Cif { int abi; unsigned nargs; FfiType **args; FfiType *result; unsigned bytes, flags; } Cif;
enum { FFI_VOID, FFI_INT, FFI_FLOAT, FFI_DOUBLE, FFI_LONG_DOUBLE, FFI_UINT8, FFI_SINT8, FFI_UINT16, FFI_SINT16, FFI_UINT32, FFI_SINT32, FFI_UINT64,
       FFI_SINT64, FFI_STRUCT, FFI_POINTER, FFI_COMPLEX };
enum { FFI_UNIX64 = 2, FFI_OK = 0 };
int ffi_prep_cif(Cif *cif, int abi, unsigned n, FfiType *result, FfiType **args) __attribute__((weak));
void ffi_call_go(Cif *cif, void (*fn)(void), void *result, void **args, void *closure) __attribute__((weak));

#define FFI_ROOM 4096

#define SCALAR(name, bytes, code) static FfiType ffi_##name = {bytes, bytes, code, NULL};
SCALAR(void, 1, FFI_VOID)
SCALAR(u8, 1, FFI_UINT8)
SCALAR(s8, 1, FFI_SINT8)
SCALAR(u16, 2, FFI_UINT16)
SCALAR(s16, 2, FFI_SINT16)
SCALAR(u32, 4, FFI_UINT32)
SCALAR(s32, 4, FFI_SINT32)
SCALAR(u64, 8, FFI_UINT64)
SCALAR(s64, 8, FFI_SINT64)
SCALAR(f32, 4, FFI_FLOAT)
SCALAR(f64, 8, FFI_DOUBLE)
SCALAR(pointer, 8, FFI_POINTER)
static FfiType *f32_parts[] = {&ffi_f32, NULL}, *f64_parts[] = {&ffi_f64, NULL};
static FfiType ffi_c64 = {8, 4, FFI_COMPLEX, f32_parts}, ffi_c128 = {16, 8, FFI_COMPLEX, f64_parts};
static FfiType *string_parts[] = {&ffi_pointer, &ffi_s64, NULL}, *pair_parts[] = {&ffi_pointer, &ffi_pointer, NULL};
static FfiType *slice_parts[] = {&ffi_pointer, &ffi_s64, &ffi_s64, NULL};
static FfiType ffi_string = {16, 8, FFI_STRUCT, string_parts}, ffi_pair = {16, 8, FFI_STRUCT, pair_parts}, ffi_slice = {24, 8, FFI_STRUCT, slice_parts};

typedef struct ArrayType { Type type; const Type *elem, *slice; uintptr_t len; } ArrayType;
typedef struct StructField { const String *name, *pkg_path; const Type *type; const String *tag; uintptr_t offset_embed; } StructField;
typedef struct StructType { Type type; const StructField *fields; intptr_t n, cap; } StructType;

static void *words(size_t n) { return heap_alloc(n * 8, &type_ptr, 0); }

// Size and alignment are Go's: a struct that ends with a field of no bytes is larger than its elements.
static FfiType *aggregate(size_t bytes, unsigned align, size_t n, FfiType **elements) {
    if (n == 0) return &ffi_void; // no bytes: nothing is passed
    FfiType *t = words(sizeof(FfiType) / 8);
    t->size = bytes;
    t->align = (uint16_t)align;
    t->type = FFI_STRUCT;
    t->elements = elements;
    return t;
}

// Several results come back as the fields of a struct: where t lies when `at` bytes are before it.
static size_t result_offset(const Type *t, size_t at) { return (at + t->field_align - 1) & ~(size_t)(t->field_align - 1); }

static FfiType *ffi_type(const Type *t) {
    switch (t->kind & KIND_MASK) {
    case KIND_BOOL: case KIND_UINT8: return &ffi_u8;
    case KIND_INT8: return &ffi_s8;
    case KIND_INT16: return &ffi_s16;
    case KIND_UINT16: return &ffi_u16;
    case KIND_INT32: return &ffi_s32;
    case KIND_UINT32: return &ffi_u32;
    case KIND_INT: case KIND_INT64: return &ffi_s64;
    case KIND_UINT: case KIND_UINT64: case KIND_UINTPTR: return &ffi_u64;
    case KIND_FLOAT32: return &ffi_f32;
    case KIND_FLOAT64: return &ffi_f64;
    case KIND_COMPLEX64: return &ffi_c64;
    case KIND_COMPLEX128: return &ffi_c128;
    case KIND_STRING: return &ffi_string;
    case KIND_INTERFACE: return &ffi_pair;
    case KIND_SLICE: return &ffi_slice;
    case KIND_ARRAY: {
        const ArrayType *a = (const ArrayType *)t;
        if (t->size == 0) return &ffi_void;
        FfiType **e = words(a->len + 1), *elem = ffi_type(a->elem);
        for (uintptr_t i = 0; i < a->len; i++)
            e[i] = elem;
        return aggregate(t->size, t->align, a->len, e);
    }
    case KIND_STRUCT: {
        const StructType *s = (const StructType *)t;
        if (t->size == 0) return &ffi_void;
        FfiType **e = words((size_t)s->n + 1);
        size_t n = 0;
        for (intptr_t i = 0; i < s->n; i++)
            if (s->fields[i].type->size) e[n++] = ffi_type(s->fields[i].type);
        return aggregate(t->size, t->align, n, e);
    }
    default: return &ffi_pointer;
    }
}

// method: the first argument is a receiver, a pointer whatever its type; interface: there is one that the type does not mention.
static void make_cif(Cif *cif, const FuncType *f, bool interface, bool method) {
    size_t n = (size_t)f->n_in + interface, k = 0;
    FfiType **args = words(n + 1), *result = &ffi_void;
    if (interface) args[k++] = &ffi_pointer;
    for (intptr_t i = 0; i < f->n_in; i++)
        args[k++] = i == 0 && method ? &ffi_pointer : ffi_type(f->in[i]);
    if (f->n_out == 1) {
        result = ffi_type(f->out[0]);
    } else if (f->n_out > 1) {
        FfiType **e = words((size_t)f->n_out + 1);
        size_t m = 0, bytes = 0;
        unsigned align = 1;
        for (intptr_t i = 0; i < f->n_out; i++) {
            const Type *t = f->out[i];
            if (t->field_align > align) align = t->field_align;
            bytes = result_offset(t, bytes) + t->size;
            if (t->size) e[m++] = ffi_type(t);
        }
        result = aggregate((bytes + align - 1) & ~(size_t)(align - 1), align, m, e);
    }
    if (ffi_prep_cif(cif, FFI_UNIX64, (unsigned)n, result, args) != FFI_OK) go_throw("reflect: libffi does not understand a function's type");
}

typedef struct MakeCif { const FuncType *f; Cif *cif; } MakeCif;
static void make_cif_call(void *arg) {
    MakeCif *m = arg;
    make_cif(m->cif, m->f, false, false);
}
Cif *go_make_cif(const FuncType *f) GO("reflect.makeCIF");
Cif *go_make_cif(const FuncType *f) {
    MakeCif m = {f, words(sizeof(Cif) / 8)};
    call_with_stack(FFI_ROOM, make_cif_call, &m);
    return m.cif;
}

// ---- reflect.Value.Call

typedef struct ReflectCall {
    const FuncType *type;
    const FuncVal *fn;
    bool interface, method;
    void **params, **results;
    Cif *cif;
    size_t result_bytes;
} ReflectCall;

static void prepare_call(void *arg) {
    ReflectCall *c = arg;
    c->cif = words(sizeof(Cif) / 8);
    make_cif(c->cif, c->type, c->interface, c->method);
    size_t n = 0;
    for (intptr_t i = 0; i < c->type->n_out; i++)
        n = result_offset(c->type->out[i], n) + c->type->out[i]->size;
    c->result_bytes = n < 16 ? 16 : (n + 15) & ~(size_t)15; // small integers come as whole words
}

// Results come back in memory on this stack, where the collector looks for pointers.
static void do_call(void *arg) {
    ReflectCall *c = arg;
    char *result = __builtin_alloca(c->result_bytes);
    memset(result, 0, c->result_bytes);
    ffi_call_go(c->cif, c->fn->code, result, c->params, (void *)c->fn);
    size_t at = 0;
    for (intptr_t i = 0; c->results && i < c->type->n_out; i++) {
        const Type *t = c->type->out[i];
        at = result_offset(t, at);
        if (t->size) go_move(t, c->results[i], result + at, t->size);
        at += t->size;
    }
}

void go_reflectcall(const FuncType *type, const FuncVal *fn, bool interface, bool method, void **params, void **results) GO("runtime.reflectcall");
void go_reflectcall(const FuncType *type, const FuncVal *fn, bool interface, bool method, void **params, void **results) {
    ReflectCall c = {type, fn, interface, method, params, results, NULL, 0};
    call_with_stack(FFI_ROOM, prepare_call, &c);
    call_with_stack(c.result_bytes + c.cif->bytes + FFI_ROOM, do_call, &c);
    RT_DOOR();
}

// ---- the descriptor of a type by its text: types that reflection would make may exist in the program

// gccgo's lists are in no order; reflection asks once for each type that it makes, so they are walked. Of equal descriptors the first stands for all.
const Type *go_lookup_type(String text) GO("reflect.lookupType");
const Type *go_lookup_type(String text) {
    for (intptr_t k = 0; k < go_type_lists.n; k++) {
        const GoTypeList *l = go_type_lists.lists[k];
        for (intptr_t i = 0; i < l->n; i++)
            if (go_string_equal(*l->types[i]->string, text)) return l->types[i];
        RT_DOOR();
    }
    return NULL;
}
