// escape.h -- debug builds refuse to let a goroutine's stack address become visible to another goroutine.
//
// B, already scanned, would read A's local through it while A clears it by a plain store: the collector would lose the object
// (design: "Locals shared between goroutines"); and the local may be gone before B looks. Only RT_DEBUG builds check.
#pragma once
#include "core.h"

#ifdef RT_DEBUG
// Panics "what: address of a local variable of this goroutine (file:line)" when a pointer word of value, as t describes it (NULL: the one word at
// value), points into the calling goroutine's stack. pc: the program's call. Goroutine context, no locks.
void escape_check(const char *what, const void *value, const Type *t, uintptr_t pc);
#else
static inline void escape_check(const char *what, const void *value, const Type *t, uintptr_t pc) {}
#endif
