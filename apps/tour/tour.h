// tour.h -- what the parts of the tour share: a claim, what was measured, and whether it holds.
#pragma once
#include "rt/burrow.h"

// A new heading: what is claimed, and where it is done ("rt/gc.c: begin_marking").
void claim(const char *what, const char *where);
// A line of what was seen; as print.
void seen(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// The verdict on one thing: what must be true, and whether it is.
void holds(bool true_, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int failures(void); // verdicts that did not hold
// The lines of a file that the build left, after two blanks; false: there is none.
bool show_file(const char *name);
bool file_says(const char *name, const char *words);
// "a pointer shared...: heap, 64 bytes at 0x..."; whether it lies where it must.
void landed(const char *what, const void *p, PlaceKind expected);

// A loop that nothing but an interrupt ends gives up after so many turns, a minute or so: if none comes, that shall be a claim that does not hold, and not a tour that stands still.
#define TURNS_MAX (1ull << 32)

void escape_claims(void);   // escape.c, escape.go
void layout_claims(void);   // layout.c
void heap_claims(void);     // heap.c
void collector_claims(void); // collector.c
void stack_claims(void);    // stack.c
void sched_claims(void);    // sched.c
void channel_claims(void);  // channels.c
void build_claims(void);    // build.c
_Noreturn void limit_claim(void); // stack.c: the last, which ends the program
