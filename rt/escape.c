// escape.c -- see escape.h. Empty without RT_DEBUG.
#include "escape.h"
#include "sched.h"
#include "format.h"

#ifdef RT_DEBUG
typedef struct Escape {
    const char *what;
    uintptr_t pc;
} Escape;

static void die(void *arg) {
    const Escape *e = arg;
    RtSymbol s;
    bool known = rt_symbolize(e->pc - 1, &s);
    rt_fatal("%s: the address of a local variable would be visible to another goroutine (%s:%u in %s)", e->what, known && s.file ? s.file : "?",
             known ? s.line : 0, known ? s.name : "?");
}

void escape_check(const char *what, const void *value, const Type *t, uintptr_t pc) {
    G *g = g_self();
    if (!g || (t && (t->kind & KIND_GCPROG))) return;
    uintptr_t words = t ? t->ptrdata / 8 : 1;
    for (uintptr_t i = 0; i < words; i++) {
        if (t && !(t->gcdata[i / 8] >> (i % 8) & 1)) continue;
        if (!stack_find(g, ((const uintptr_t *)value)[i])) continue;
        Escape e = {what, pc};
        sys_call(die, &e);
    }
}
#else
typedef int escape_is_empty; // ISO C wants a declaration
#endif
