// start.h -- what a Go program's packages have registered: constant after their init functions.
#pragma once
#include "go.h"

// gccgo's gcRootList: one per package, in its data.
typedef struct GoRoot { void *p; uintptr_t size, ptrdata; const uint8_t *gcdata; } GoRoot;
typedef struct GoRoots { struct GoRoots *next; intptr_t n; GoRoot roots[]; } GoRoots;
extern GoRoots *go_roots;

typedef struct GoTypeList { intptr_t n; const Type *types[]; } GoTypeList;
typedef struct GoTypeLists { intptr_t n; const GoTypeList *const *lists; } GoTypeLists;
extern GoTypeLists go_type_lists;
