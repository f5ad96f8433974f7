// cmdline.h -- the parsed command line (see cmdline.c for the rules).
#pragma once
#include "lib.h"

enum {
    CMDLINE_BYTES = 4096,
    CMDLINE_ARGS = 256
}; // text of all arguments, with a NUL each; words, the program's name included

typedef struct Cmdline {
    Knobs knobs;
    int argc;
    char *argv[CMDLINE_ARGS + 1]; // argv[argc] is NULL
    char text[CMDLINE_BYTES];     // what argv points into
} Cmdline;

// Fills *c. False: something is malformed or unknown and was named by rt_printf; *c then holds what could be
// read. `name` becomes argv[0] and must outlive *c. Context: any with 1 KB of stack.
bool cmdline_parse(Cmdline *c, const char *name, const char *line);
