// api/any.h -- values of any type: Any, type tests, and interfaces (Go: interface{}, x.(T), switch x.(type)).
//
// An Any (rt/type.h) is {dynamic type, data}: a pointer type's value itself, or a pointer to a copy of the value in the heap, which nobody changes. {0} is nil.
// In a heap object: cell(Any). Dynamic types are compared by their descriptor's address, so a type of several files is declared once
// (TYPE_DECLARE).
//
//     Any a = any_of(int, 42);
//     int i = any_as(a, int);                    // panics "interface conversion: interface {} is int32, not string" for String
//     if (any_is(a, String)) ...
//     any_switch (a) {
//         any_case (int, n)    { println("%d", n); }
//         any_case (String, s) { println("%.*s", str_arg(s)); }
//         any_default          { println("?"); }
//     }
//
// An *interface* in C is a struct of function pointers, and a pair of it and an object:
//
//     typedef struct ShapeMethods { double (*area)(void *self); } ShapeMethods;
//     TYPE_INTERFACE(Shape, ShapeMethods);
//     static double circle_area(void *self) { Circle *c = self; return 3.14 * c->r * c->r; }
//     static const ShapeMethods circle_methods = {circle_area};
//     Shape s = {&circle_methods, circle};       double a = s.methods->area(s.self);
//
// Goroutine context; nothing blocks; any_of allocates, out of memory as in mem.h.
#pragma once
#include "mem.h"

// An Any with a copy of v, which is converted to T (Go: any(v)).
#define any_of(T, v)                                                                                         \
    ({                                                                                                       \
        T any_v_[1] = {v};                                                                                   \
        any_box(&type_##T, any_v_);                                                                          \
    })
// Is a's dynamic type T (_, ok := a.(T))?
#define any_is(a, T) ((a).type == &type_##T)
// The value (a.(T)). Panics (runtime.Error): "interface conversion: interface {} is int32, not string".
#define any_as(a, T)                                                                                         \
    ({                                                                                                       \
        Any any_a_ = (a);                                                                                    \
        if (__builtin_expect(any_a_.type != &type_##T, 0)) any_wrong_type(any_a_.type, &type_##T);           \
        ANY_VALUE_(any_a_, T);                                                                               \
    })
#define ANY_VALUE_(a, T) (*(const T *)any_place_(&(a), type_##T.kind & KIND_DIRECT))
// a == b: same dynamic type, equal values. Panics "runtime error: comparing uncomparable type T".
bool any_equal(Any a, Any b);

// Several any_case and perhaps an any_default at the end. break leaves the switch's present case; it is no loop.
#define any_switch(a)                                                                                        \
    for (                                                                                                    \
        struct {                                                                                             \
            Any a_;                                                                                          \
            bool done, over;                                                                                 \
        } any_sw_ = {.a_ = (a)};                                                                             \
        !any_sw_.over; any_sw_.over = true)
#define any_case(T, v)                                                                                       \
    if (!any_sw_.done && any_is(any_sw_.a_, T))                                                              \
        for (T v = (any_sw_.done = true, ANY_VALUE_(any_sw_.a_, T)), *any_once_ = &v; any_once_; any_once_ = NULL)
#define any_default                                                                                          \
    if (!any_sw_.done)                                                                                       \
        for (any_sw_.done = true; !any_sw_.over; any_sw_.over = true)

// Interface types: struct {const Methods *methods; void *self}, a value type; cell(Name) in heap objects.
#define TYPE_INTERFACE(Name, Methods)                                                                        \
    typedef struct Name {                                                                                    \
        const Methods *methods;                                                                              \
        void *self;                                                                                          \
    } Name;                                                                                                  \
    TYPE_VALUE(Name, methods, self)

// ---- what the macros call
Any any_box(const Type *t, const void *v);
// Where a's value is. The compiler shall not know: it warns of a large T read from data, which that T never is in.
static inline __attribute__((always_inline)) const void *any_place_(const Any *a, bool direct) {
    const void *place = direct ? (const void *)&a->data : a->data;
    __asm__("" : "+r"(place) : "m"(a->data));
    return place;
}
_Noreturn void any_wrong_type(const Type *is, const Type *wanted);
