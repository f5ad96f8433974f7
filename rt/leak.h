// leak.h -- GODEBUG=leak=1: goroutines that nobody can wake any more (leak.c).
#pragma once

// Says which they are, on the console. When the program ends, on a goroutine's stack, holding nothing; may park. Afterwards there are no more collections.
void leak_report(void);
