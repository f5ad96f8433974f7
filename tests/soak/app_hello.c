// The program of this name as a function, for main.c.
#include "soak.h"
#define main app_hello
#include "../../apps/hello.c"
