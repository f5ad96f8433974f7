// cmdline.h -- the parsed command line (see cmdline.c for the rules).
#pragma once
#include "lib.h"

enum {
    CMDLINE_BYTES = 4096, // text of all arguments and of the environment, with a NUL each
    CMDLINE_ARGS = 256,   // words, the program's name included
    CMDLINE_ENV = 64      // variables
};

typedef struct Cmdline {
    Knobs knobs;
    int argc;
    char *argv[CMDLINE_ARGS + 1]; // argv[argc] is NULL
    int envc;
    char *envp[CMDLINE_ENV + 1];  // "NAME=value", each name once; envp[envc] is NULL
    char text[CMDLINE_BYTES];     // what argv and envp point into
} Cmdline;

// Fills *c. False: something is malformed or unknown and was named by rt_printf; *c then holds what could be
// read. `name` becomes argv[0] and must outlive *c. Context: any with 1 KB of stack.
bool cmdline_parse(Cmdline *c, const char *name, const char *line);
