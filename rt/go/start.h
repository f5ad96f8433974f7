// start.h -- what a Go program's packages have registered: constant after their init functions.
#pragma once
#include "go.h"

typedef struct GoTypeList { intptr_t n; const Type *types[]; } GoTypeList;
typedef struct GoTypeLists { intptr_t n; const GoTypeList *const *lists; } GoTypeLists;
extern GoTypeLists go_type_lists;
