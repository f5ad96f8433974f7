// filetree.h -- the packed file tree as an index of entries; the paths of api/file.h lead into it.
#pragma once
#include "api/file.h"

// As scripts/pack_blob.py describes it. Offsets count from the blob's start.
typedef struct FileEntry {
    uint64_t data;
    uint64_t size;
    uint32_t name;
    uint32_t name_len;
    uint32_t mode;
    uint32_t kind; // FileKind
    uint32_t first_child;
    uint32_t next_sibling;
} FileEntry;
_Static_assert(sizeof(FileEntry) == 40, "format of scripts/pack_blob.py");

// Constant after files_init (lib.h). Entry 0 is the root directory. Before that, and without a blob: an empty
// root.
typedef struct FileTree {
    const char *base; // of the blob
    const FileEntry *entries;
    const char *names;
    uint32_t count;
} FileTree;
extern FileTree file_tree;

static inline const char *entry_path(const FileEntry *e) {
    return file_tree.names + e->name;
}

// Index of the entry that `path` names from the root, or a FileError; `follow`: a link at its end is followed
// too. System stack.
int filetree_find(const char *path, bool follow);
