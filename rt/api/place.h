// api/place.h -- where a value is: for programs that show or check how the runtime treats them. Go has nothing like it.
//
// Included by burrow.h. Goroutine context; nothing blocks, nothing allocates.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum { PLACE_ELSEWHERE, PLACE_HEAP, PLACE_STACK, PLACE_PROGRAM } PlaceKind;
typedef struct Place {
    PlaceKind kind;
    uintptr_t base; // PLACE_HEAP: of the object; PLACE_STACK: of the segment
    size_t bytes;   // of the object with its slot's unused end; of the segment
} Place;

// Where p points. PLACE_HEAP: into an object that has been allocated and not been swept (it may be garbage already); PLACE_STACK: into the caller's own stack, dead
// parts of it included; PLACE_PROGRAM: into the program's code, constants or variables; PLACE_ELSEWHERE: anything else, another goroutine's stack for one.
Place place_of(const void *p);
// "heap", "stack", "program", "elsewhere".
const char *place_name(PlaceKind kind);
