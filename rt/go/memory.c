// memory.c -- package runtime's view of the heap: GC, MemStats, finalizers.
#include "go.h"
#include "../memstats.h"
#include "../api/final.h"
#include "../api/gc.h"

void go_gc(void) GO("runtime.GC");
void go_gc(void) { gc_collect(); }

static inline const Type *elem_of(const Type *t) { return ((const PtrType *)t)->elem; }

// What set_finalizer_arg keeps.
typedef struct Final {
    const FuncVal *fn;
    const FuncType *type;
    const Type *obj_type;
} Final;
static const uint8_t final_bits[] = {1};
static const String final_name = {"runtime.finalizer", 17};
static const Type final_type = {.size = sizeof(Final), .ptrdata = 8, .align = 8, .field_align = 8, .kind = KIND_STRUCT, .gcdata = final_bits, .string = &final_name};

const void *const *go_assertitab(const Type *inter, const Type *t) GO("runtime.assertitab");

// Results of more than 16 bytes go where the caller says, in front of the arguments.
static void call_final(const Final *f, void *obj, void *result) {
    const FuncVal *fn = f->fn;
    const Type *in = f->type->in[0];
    void *first = obj, *second = NULL;
    if ((in->kind & KIND_MASK) == KIND_INTERFACE) {
        first = ((const InterfaceType *)in)->n ? (void *)go_assertitab(in, f->obj_type) : (void *)f->obj_type;
        second = obj;
    }
    if (result) GO_CALL(void (*)(void *, void *, void *), fn, result, first, second);
    else GO_CALL(void (*)(void *, void *), fn, first, second);
}

// On the goroutine of rt's finalizers.
static void run(void *obj, void *arg) {
    const Final *f = arg;
    size_t bytes = 0, align = 1; // of the struct of its results
    for (intptr_t i = 0; i < f->type->n_out; i++) {
        const Type *t = f->type->out[i];
        bytes = ((bytes + t->field_align - 1) & -(size_t)t->field_align) + t->size;
        if (t->field_align > align) align = t->field_align;
    }
    bytes = (bytes + align - 1) & -align;
    call_final(f, obj, bytes > 16 ? heap_alloc(bytes, &type_ptr, 0) : NULL);
}

static _Noreturn void cannot_pass(const Type *obj, const Type *fn, const char *why) {
    String from = go_type_name(obj), to = go_type_name(fn);
    rt_fatal("runtime.SetFinalizer: cannot pass %.*s to finalizer %.*s%s", (int)from.n, from.p, (int)to.n, to.p, why);
}
static _Noreturn void wrong(const char *which, const Type *t, const char *not) {
    String name = go_type_name(t);
    rt_fatal("runtime.SetFinalizer: %s argument is %.*s, not %s", which, (int)name.n, name.p, not);
}

bool go_T2Ip(const Type *inter, const Type *t) GO("runtime.ifaceT2Ip");

static bool may_be_passed(const Type *obj, const Type *in) {
    switch (in->kind & KIND_MASK) {
    case KIND_INTERFACE: return ((const InterfaceType *)in)->n == 0 || go_T2Ip(in, obj);
    case KIND_PTR: return go_type_equal(in, obj) || ((!in->uncommon || !obj->uncommon) && go_type_equal(elem_of(in), elem_of(obj))); // one may have a name of its own
    default: return false;
    }
}

void go_set_finalizer(Any obj, Any fn) GO("runtime.SetFinalizer");
void go_set_finalizer(Any obj, Any fn) {
    if (!obj.type) go_throw("runtime.SetFinalizer: first argument is nil");
    if ((obj.type->kind & KIND_MASK) != KIND_PTR) wrong("first", obj.type, "pointer");
    if (!obj.data) go_throw("runtime.SetFinalizer: first argument is nil");
    if (elem_of(obj.type)->size == 0) return;
    if (!fn.type) {
        set_finalizer_arg(obj.data, NULL, NULL);
        return;
    }
    if ((fn.type->kind & KIND_MASK) != KIND_FUNC) wrong("second", fn.type, "a function");
    const FuncType *t = (const FuncType *)fn.type;
    if (t->variadic) cannot_pass(obj.type, fn.type, " because dotdotdot");
    if (t->n_in != 1 || !may_be_passed(obj.type, t->in[0])) cannot_pass(obj.type, fn.type, "");
    Final *f = heap_alloc(sizeof *f, &final_type, 0);
    *f = (Final){fn.data, t, obj.type};
    set_finalizer_arg(obj.data, run, f);
}

// ---- MemStats: field for field ours, but for the classes and a share in floating point
typedef struct GoMemStats {
    uint64_t same[24 + 2 * MEM_STATS_PAUSES];
    uint32_t num_gc, num_forced_gc;
    uint64_t cpu_fraction_bits;
    bool enable_gc, debug_gc;
    struct { uint32_t size; uint64_t mallocs, frees; } by_size[61];
} GoMemStats;
_Static_assert(offsetof(MemStats, num_gc) == offsetof(GoMemStats, num_gc), "api/gcstats.h follows Go");

// ppm / 1e6 as a double, by integers: the fraction's 53 bits, then the exponent.
static uint64_t millionths(uint32_t ppm) {
    if (ppm == 0) return 0;
    if (ppm >= 1000000) return 0x3ffull << 52;
    unsigned __int128 v = ((unsigned __int128)ppm << 84) / 1000000; // 84 bits behind the point
    unsigned top = 127;
    while (!(v >> top & 1))
        top--;
    return (uint64_t)(1023 + (int)top - 84) << 52 | ((uint64_t)(v >> (top - 52)) & ((1ull << 52) - 1));
}

static void read_call(void *arg) {
    GoMemStats *out = arg;
    MemStats room, *m = &room; // on the stack: programs count allocations by what is in here
    read_mem_stats(m);
    memset(out, 0, sizeof *out);
    memcpy(out->same, m, sizeof out->same);
    out->num_gc = m->num_gc;
    out->num_forced_gc = m->num_forced_gc;
    out->cpu_fraction_bits = millionths(m->gc_cpu_ppm);
    out->enable_gc = true;
    for (int i = 0; i < MEM_STATS_CLASSES; i++) {
        out->by_size[i].size = m->by_size[i].size;
        out->by_size[i].mallocs = m->by_size[i].mallocs;
        out->by_size[i].frees = m->by_size[i].frees;
    }
}

void go_read_mem_stats(GoMemStats *out) GO("runtime.ReadMemStats");
void go_read_mem_stats(GoMemStats *out) {
    call_with_stack(sizeof(MemStats) + 1024, read_call, out);
    RT_DOOR();
}

// runtime/debug
void go_free_os_memory(void) GO("runtime_1debug.freeOSMemory");
void go_free_os_memory(void) { gc_collect(); }
