// iface.c -- interface values: conversions, assertions, method tables.
//
// An interface type's methods are sorted by name, a concrete type's too, so a method table is one walk over both. Tables that are made at run
// time (an assertion to an interface type) live for ever and are found again by (interface, type); gccgo lays the others out.
//
// The table of tables: buckets of singly linked records, prepended under a lock, never removed. Readers take no lock: the acquire of a bucket's head
// pairs with the release that publishes a record.
#include "go.h"

typedef struct Table {
    struct Table *next;
    const InterfaceType *inter;
    const Type *type;
    const void *tab[]; // type, methods
} Table;

#define BUCKETS 256u
static _Atomic(Table *) buckets[BUCKETS];
static Lock lock = LOCK_INIT(RANK_RECORD);

// ---- raising

// In the Go part of the runtime (runtime/error.go).
_Noreturn void go_assert_panic(const Type *iface, const Type *have, const Type *want, String missing) GO("runtime.burrowPanicAssert");

// The first method of `inter` that t lacks; NULL: it has all. Fills tab[1...], if tab is given.
static const String *fill(const InterfaceType *inter, const Type *t, const void **tab) {
    const Uncommon *u = t->uncommon;
    intptr_t k = 0, n = u ? u->n : 0;
    for (intptr_t i = 0; i < inter->n; i++) {
        const GoIMethod *want = &inter->methods[i];
        for (;; k++) {
            if (k == n) return want->name;
            const GoMethod *m = &u->methods[k];
            if (!go_string_equal(*m->name, *want->name) || !go_type_equal(m->mtyp, want->typ)) continue;
            // Methods that begin with a small letter are their package's own.
            if (m->pkg_path == want->pkg_path) break;
            if (m->pkg_path && want->pkg_path && go_string_equal(*m->pkg_path, *want->pkg_path)) break;
        }
        if (tab) tab[i + 1] = u->methods[k].fn;
        k++;
    }
    return NULL;
}

static _Atomic(Table *) *bucket(const InterfaceType *inter, const Type *t) {
    return &buckets[(((uintptr_t)inter >> 5) * 31 + ((uintptr_t)t >> 5)) % BUCKETS];
}

static const Table *lookup(const InterfaceType *inter, const Type *t) {
    for (const Table *x = load_acquire(bucket(inter, t)); x; x = x->next)
        if (x->inter == inter && x->type == t) return x;
    return NULL;
}

typedef struct Publish { Table *table; } Publish;
static void publish(void *arg) {
    Table *x = arg;
    _Atomic(Table *) *b = bucket(x->inter, x->type);
    lock_acquire(&lock);
    x->next = load_relaxed(b);
    store_release(b, x);
    lock_release(&lock);
}

typedef struct Space { size_t bytes; void *p; } Space;
// Tables live for ever, in memory of the runtime: pages are cut from the front.
static void take_space(void *arg) {
    static Lock space_lock = LOCK_INIT(RANK_RECORD);
    static char *at, *end;
    Space *s = arg;
    size_t pages = (s->bytes + PAGE_SIZE - 1) / PAGE_SIZE;
    char *fresh = page_alloc(pages);
    if (!fresh) rt_throw("out of memory (method table)");
    lock_acquire(&space_lock);
    if ((size_t)(end - at) < s->bytes) {
        at = fresh;
        end = fresh + pages * PAGE_SIZE;
        fresh = NULL;
    }
    s->p = at;
    at += s->bytes;
    lock_release(&space_lock);
    if (fresh) page_free(fresh, pages);
}

static const void *const *make_table(const InterfaceType *inter, const Type *t, const String **missing) {
    if (*(missing) = fill(inter, t, NULL), *missing) return NULL;
    Space s = {(sizeof(Table) + ((size_t)inter->n + 1) * 8 + 15) & ~(size_t)15, NULL};
    sys_call(take_space, &s);
    Table *x = s.p;
    x->inter = inter;
    x->type = t;
    x->tab[0] = t;
    fill(inter, t, x->tab);
    sys_call(publish, x); // twice the same, when two cores are at it: harmless
    return x->tab;
}

// The method table of t for inter; NULL, and *missing: it does not implement it.
static const void *const *table_of(const InterfaceType *inter, const Type *t, const String **missing) {
    const Table *x = lookup(inter, t);
    if (likely(x != NULL)) return x->tab;
    return make_table(inter, t, missing);
}

static const Type *dynamic(Iface i) { return i.tab ? i.tab[0] : NULL; }

static bool implements(const Type *inter, const Type *t) {
    const String *missing;
    return t && table_of((const InterfaceType *)inter, t, &missing) != NULL;
}

// ---- conversions that cannot fail

const void *const *go_requireitab(const Type *inter, const Type *t) GO("runtime.requireitab");
const void *const *go_requireitab(const Type *inter, const Type *t) {
    const String *missing = NULL;
    const void *const *tab = t ? table_of((const InterfaceType *)inter, t, &missing) : NULL;
    if (unlikely(t && !tab)) go_assert_panic(NULL, t, inter, *missing);
    return tab;
}

// ---- assertions: x.(T)

// The first word of x.(I): the type's table, or, of an interface without methods, the type itself; or a panic.
const void *const *go_assertitab(const Type *inter, const Type *t) GO("runtime.assertitab");
const void *const *go_assertitab(const Type *inter, const Type *t) {
    if (unlikely(!t)) go_assert_panic(NULL, NULL, inter, (String){NULL, 0});
    if (((const InterfaceType *)inter)->n == 0) return (const void *const *)t;
    return go_requireitab(inter, t);
}

void go_panicdottype(const Type *want, const Type *have, const Type *iface) GO("runtime.panicdottype");
void go_panicdottype(const Type *want, const Type *have, const Type *iface) { go_assert_panic(iface, have, want, (String){NULL, 0}); }

typedef struct { Any v; bool ok; } AnyOk;
typedef struct { Iface v; bool ok; } IfaceOk;
typedef struct { void *p; bool ok; } PtrOk;

AnyOk go_E2E2(Any e) GO("runtime.ifaceE2E2");
AnyOk go_E2E2(Any e) { return (AnyOk){e, e.type != NULL}; }
AnyOk go_I2E2(Iface i) GO("runtime.ifaceI2E2");
AnyOk go_I2E2(Iface i) { return (AnyOk){{dynamic(i), i.tab ? i.data : NULL}, i.tab != NULL}; }

IfaceOk go_E2I2(const Type *inter, Any e) GO("runtime.ifaceE2I2");
IfaceOk go_E2I2(const Type *inter, Any e) {
    const String *missing;
    const void *const *tab = e.type ? table_of((const InterfaceType *)inter, e.type, &missing) : NULL;
    return tab ? (IfaceOk){{tab, e.data}, true} : (IfaceOk){{NULL, NULL}, false};
}
IfaceOk go_I2I2(const Type *inter, Iface i) GO("runtime.ifaceI2I2");
IfaceOk go_I2I2(const Type *inter, Iface i) { return go_E2I2(inter, (Any){dynamic(i), i.data}); }

PtrOk go_E2T2P(const Type *t, Any e) GO("runtime.ifaceE2T2P");
PtrOk go_E2T2P(const Type *t, Any e) { return go_type_equal(t, e.type) ? (PtrOk){e.data, true} : (PtrOk){NULL, false}; }
PtrOk go_I2T2P(const Type *t, Iface i) GO("runtime.ifaceI2T2P");
PtrOk go_I2T2P(const Type *t, Iface i) { return go_E2T2P(t, (Any){dynamic(i), i.data}); }

bool go_E2T2(const Type *t, Any e, void *out) GO("runtime.ifaceE2T2");
bool go_E2T2(const Type *t, Any e, void *out) {
    if (!go_type_equal(t, e.type)) {
        go_clear_words(out, t->size, t->ptrdata != 0);
        return false;
    }
    if (go_direct(t)) go_move(t, out, &e.data, 8);
    else go_move(t, out, e.data, t->size);
    return true;
}
bool go_I2T2(const Type *t, Iface i, void *out) GO("runtime.ifaceI2T2");
bool go_I2T2(const Type *t, Iface i, void *out) { return go_E2T2(t, (Any){dynamic(i), i.data}, out); }

bool go_T2Ip(const Type *inter, const Type *t) GO("runtime.ifaceT2Ip");
bool go_T2Ip(const Type *inter, const Type *t) { return implements(inter, t); }

// reflect: stores e, which implements inter, to *out.
void go_reflect_E2I(const Type *inter, Any e, Iface *out) GO("reflect.ifaceE2I");
void go_reflect_E2I(const Type *inter, Any e, Iface *out) {
    Iface v = {go_assertitab(inter, e.type), e.data};
    gc_shade(out->data);
    *out = v;
}
void go_reflectlite_E2I(const Type *inter, Any e, Iface *out) GO("internal_1reflectlite.ifaceE2I");
void go_reflectlite_E2I(const Type *inter, Any e, Iface *out) { go_reflect_E2I(inter, e, out); }

// Called where a field with the tag go:"track" is used; libgo, too, only wants the name to be in the program.
void go_fieldtrack(const char *field) GO("__go_fieldtrack");
void go_fieldtrack(const char *field) {}
