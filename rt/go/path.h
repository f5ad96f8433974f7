// path.h -- where a path leads: into the packed tree, which nobody changes, or into the trees in memory (tmpfs.h).
//
// System stack, the lock of files.c held; the texts in Place are valid until it is released or another path is resolved.
#pragma once
#include "../filetree.h"
#include "tmpfs.h"

// A directory or file: in memory if node is set, else an entry of the packed tree (0: the root).
typedef struct Spot { Node *node; uint32_t entry; } Spot;

typedef struct Place {
    bool exists;
    bool must_be_directory; // the path ends in a slash
    Spot at;                // what exists
    Spot dir;               // otherwise: the directory that could hold it
    const char *name;       // last component
    size_t name_len;        // 0: the path ends in "." or ".." or is "/"
    uint8_t dots;           // 1 or 2: of these, the first two
} Place;

// follow: a link at the end is followed, too. 0 or a negative errno value; a last component that is missing is no error.
int path_resolve(Spot base, const char *path, bool follow, Place *out);
bool spot_is_directory(Spot s);
// The absolute path of a directory; returns its length without the NUL, or -ERANGE, or -ENOENT: it was removed.
intptr_t path_of(Spot s, char *buf, size_t room);
