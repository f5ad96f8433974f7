// go.h -- the shapes that gccgo's code and the files of rt/go share.
//
// gccgo compiles Go to calls of some 140 functions named runtime.X and lays its data out in a fixed way; rt/go gives those names to
// rt's own channels, maps, heap and scheduler. Everything here is that contract (gcc 12's libgo, Go 1.18); nothing is of our choice.
//
// A function that Go code calls is a door like those of rt/api: runtime text on the goroutine's stack, at most 480 bytes for its whole call
// chain, no lock held when it returns, RT_DOOR at the end of what may be called in a loop. The objects of rt/go are linked into programs that
// have Go code and into no others.
#pragma once
#include "../core.h"

// The name that gccgo's code uses: T f(...) GO("runtime.f");
#define GO(name) __asm__(name)

typedef struct GoSlice { void *p; intptr_t len, cap; } GoSlice;
// An interface with methods: tab[0] is the dynamic type, then its methods, sorted by name; NULL: nil.
typedef struct Iface { const void *const *tab; void *data; } Iface;

// ---- descriptors beyond Type (libgo/go/runtime/type.go)
typedef struct GoMethod { const String *name, *pkg_path; const Type *mtyp, *typ; const void *fn; } GoMethod;
typedef struct Uncommon { const String *name, *pkg_path; const GoMethod *methods; intptr_t n, cap; } Uncommon;
typedef struct GoIMethod { const String *name, *pkg_path; const Type *typ; } GoIMethod;
typedef struct InterfaceType { Type type; const GoIMethod *methods; intptr_t n, cap; } InterfaceType;
typedef struct ChanType { Type type; const Type *elem; uintptr_t dir; } ChanType;
typedef struct PtrType { Type type; const Type *elem; } PtrType;
typedef struct SliceType { Type type; const Type *elem; } SliceType;
typedef struct FuncType { Type type; bool variadic; const Type *const *in; intptr_t n_in, cap_in; const Type *const *out; intptr_t n_out, cap_out; } FuncType;

static inline bool go_direct(const Type *t) { return t->kind & KIND_DIRECT; }

static inline bool go_string_equal(String a, String b) { return a.n == b.n && memcmp(a.p, b.p, (size_t)a.n) == 0; }
static inline String go_str(const char *s) {
    intptr_t n = 0;
    while (s[n])
        n++;
    return (String){s, n};
}

// Calls a func value: r10 is gccgo's static chain.
#define GO_CALL(type, fv, ...) __builtin_call_with_static_chain(((type)(fv)->code)(__VA_ARGS__), (void *)(fv))

// An element of runtime.Callers: an address, and which of the functions inlined there, 0 the innermost (callers.c).
#define PC_BITS 48
static inline uintptr_t pc_of(uintptr_t address, unsigned level) { return address | (uintptr_t)level << PC_BITS; }
static inline uintptr_t pc_address(uintptr_t pc) { return pc & (((uintptr_t)1 << PC_BITS) - 1); }
static inline unsigned pc_level(uintptr_t pc) { return (unsigned)(pc >> PC_BITS); }

// ---- alg.c
bool go_type_equal(const Type *a, const Type *b);
bool go_values_equal(const Type *t, const void *a, const void *b); // panics when t is not comparable
uintptr_t go_hash_bytes(const void *p, size_t n, uintptr_t seed);
String go_type_name(const Type *t); // as Go prints it; may allocate

// ---- panic.c: none returns
_Noreturn void go_throw(const char *text);           // "fatal error: text", exit 2
_Noreturn void go_panic_error(const char *text);     // runtime.Error: "runtime error: text"
_Noreturn void go_panic_plain(const char *text);     // runtime.Error without that prefix: "send on closed channel"
_Noreturn void go_panic_mem(void);                   // nil access
_Noreturn void go_panic(Any v) GO("runtime.gopanic");

// Before a routine of the runtime touches what p points to, when p came from the program.
static inline void go_check_nil(const void *p) {
    if (unlikely((uintptr_t)p < 4096)) go_panic_mem();
}

// ---- alloc.c
void *go_new(const Type *t) GO("runtime.newobject");
void *go_alloc_noscan(size_t n); // n bytes without pointers, zeroed
void go_clear_words(void *p, size_t bytes, bool pointers);
void go_move(const Type *t, void *dst, const void *src, size_t bytes); // with barrier if t has pointers; may overlap
