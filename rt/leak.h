// leak.h -- GODEBUG=leak=1: goroutines that nobody can wake any more (leak.c).
#pragma once
#include <stdbool.h>

// Says which they are, on the console. When the program ends, on a goroutine's stack, holding nothing; may park. Afterwards there are no more collections.
// main_returned: the goroutine has nothing of the program's left on its stack.
void leak_report(bool main_returned);
