// point.h -- what the simulator changes in the runtime's sources; the compiler is told to include it first (-include).
//
// Every atomic operation becomes an interleaving point: `sim_point()` runs before it and may let any other core run first.
// <stdatomic.h> and rt/atomic.h both end in the compiler's __atomic builtins, so it suffices to wrap those; a macro does not expand
// itself, so the inner name is the builtin. Plain accesses are no points: a race through them is the thread sanitizer's
// business (make tsan). Memory orders are not simulated: the operations of all cores are sequentially consistent.
//
// Stacks: sim_point keeps 56 bytes on the caller's stack, but calls instead of instructions make every frame larger, so the first
// segment and the slack below the guard are larger here than in rt/core.h.
#pragma once

void sim_point(void);
#define __atomic_load_n(...)             (sim_point(), __atomic_load_n(__VA_ARGS__))
#define __atomic_load(...)               (sim_point(), __atomic_load(__VA_ARGS__))
#define __atomic_store_n(...)            (sim_point(), __atomic_store_n(__VA_ARGS__))
#define __atomic_store(...)              (sim_point(), __atomic_store(__VA_ARGS__))
#define __atomic_exchange_n(...)         (sim_point(), __atomic_exchange_n(__VA_ARGS__))
#define __atomic_exchange(...)           (sim_point(), __atomic_exchange(__VA_ARGS__))
#define __atomic_compare_exchange_n(...) (sim_point(), __atomic_compare_exchange_n(__VA_ARGS__))
#define __atomic_compare_exchange(...)   (sim_point(), __atomic_compare_exchange(__VA_ARGS__))
#define __atomic_fetch_add(...)          (sim_point(), __atomic_fetch_add(__VA_ARGS__))
#define __atomic_fetch_or(...)           (sim_point(), __atomic_fetch_or(__VA_ARGS__))
#define __atomic_fetch_and(...)          (sim_point(), __atomic_fetch_and(__VA_ARGS__))
#define __atomic_add_fetch(...)          (sim_point(), __atomic_add_fetch(__VA_ARGS__))
#define __atomic_sub_fetch(...)          (sim_point(), __atomic_sub_fetch(__VA_ARGS__))

#define HEAP_WORD_POINT() sim_point() // read in assembly (rt/mark.h)

#include "rt/core.h"
#undef STACK_FIRST
#undef STACK_SLACK
#define STACK_FIRST (4 * SEG_MIN)
#define STACK_SLACK 2048u
