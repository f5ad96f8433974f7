// The program of this name as a function, for main.c.
#include "soak.h"
#define main app_wordfreq
#include "../../apps/wordfreq/main.c"
#include "../../apps/wordfreq/walk.c"
#include "../../apps/wordfreq/words.c"
