// escape.c -- Go source, the compiler's decision, and the address where the value then was: the C side of escape.go.
#include "tour.h"

static bool to_heap; // what the compiler said last

void landed_go(String what, void *p, bool heap) {
    char text[60];
    str_format(text, sizeof text, "%.*s", str_arg(what));
    if (heap != to_heap) holds(false, "%s: the compiler was expected to say otherwise", text);
    landed(text, p, heap ? PLACE_HEAP : PLACE_STACK);
}

void decided(String name) {
    char file[60];
    str_format(file, sizeof file, "escape_%.*s.txt", str_arg(name));
    if (!show_file(file)) holds(false, "the build left no %s", file);
    to_heap = !file_says(file, "does not escape");
    if (to_heap && !file_says(file, " heap")) holds(false, "%s: no decision", file);
}

void escape_claims(void) {
    claim("A value goes to the heap if it may be used after its function returned, if it is too large for a stack, or if only the run knows its size",
          "the compiler; apps/tour/escape.go: EscapeClaims; make escape APP=apps/tour; rt/place.c: place_of");
    main_EscapeClaims();
}
