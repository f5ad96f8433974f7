// The program of this name as a function, for main.c.
#include "soak.h"
#define main app_sha256sum
#include "../../apps/sha256sum/main.c"
#include "../../apps/sha256sum/sha256.c"
#include "../../apps/sha256sum/walk.c"
