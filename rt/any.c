// any.c -- values of any type (api/any.h): boxing, wrong assertions, equality.
//
// A boxed value is a copy in the heap that is never changed, so several Anys may share it. Values of pointer types are their own box.
//
// Locks: none. any_equal may call the program (a struct key's equal), as it is on the goroutine's stack.
#include "api/any.h"
#include "api/str.h"
#include "bounds.h"
#include "core.h"

Any any_box(const Type *t, const void *v) {
    if (t == &type_any) return *(const Any *)v; // an Any in an Any is the inner one
    Any a = {t, NULL};
    if (t->kind & KIND_DIRECT) {
        a.data = *(void *const *)v;
    } else {
        a.data = heap_alloc(t->size, t, 0);
        mem_copy(a.data, v, t->size); // whole words; new, so no barrier
    }
    RT_DOOR();
    return a;
}

void any_wrong_type(const Type *is, const Type *wanted) {
    panic_texts("interface conversion: interface {} is %s, not %s", is ? is->string->p : "nil", wanted->string->p);
}

bool any_equal(Any a, Any b) {
    bool (*equal)(const void *, const void *) = (bool (*)(const void *, const void *))(uintptr_t)type_any.equal->code;
    bool r = equal(&a, &b);
    RT_DOOR();
    return r;
}
