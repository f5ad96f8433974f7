// path.c -- walks paths over the packed tree and the trees in memory.
//
// A component at a time: in the packed tree by its index (filetree.c), below /tmp and /dev by nodes. These two lie over entries of the same name at the
// packed root. Links are followed by putting their target before what is left of the path, at most 40 times as Linux does.
#include "path.h"

enum { LINKS_MAX = 40 };

static char rest[2][PATH_BYTES]; // what is left of the path; the other one is filled when a link is followed
static char joined[PATH_BYTES];  // a path in the packed tree

static bool is_root(Spot s) { return !s.node && s.entry == 0; }

bool spot_is_directory(Spot s) { return s.node ? s.node->kind == NODE_DIRECTORY : file_tree.entries[s.entry].kind == FILE_DIRECTORY; }

static bool is_link(Spot s) { return s.node ? s.node->kind == NODE_LINK : file_tree.entries[s.entry].kind == FILE_SYMLINK; }

static Spot parent_of(Spot s) {
    if (s.node) return (Spot){s.node->parent, 0}; // of /tmp and /dev: the root
    const FileEntry *e = &file_tree.entries[s.entry];
    size_t n = e->name_len;
    while (n > 0 && entry_path(e)[n - 1] != '/')
        n--;
    if (n <= 1) return (Spot){NULL, 0};
    memcpy(joined, entry_path(e), n - 1);
    joined[n - 1] = 0;
    return (Spot){NULL, (uint32_t)filetree_find(joined, false)};
}

// False: it is not there.
static bool child_of(Spot dir, const char *name, size_t n, Spot *out) {
    if (dir.node) {
        *out = (Spot){tmpfs_lookup(dir.node, name, n), 0};
        return out->node != NULL;
    }
    if (is_root(dir) && n == 3 && memcmp(name, "tmp", 3) == 0) return *out = (Spot){&tmpfs_tmp, 0}, true;
    if (is_root(dir) && n == 3 && memcmp(name, "dev", 3) == 0) return *out = (Spot){&tmpfs_dev, 0}, true;
    const FileEntry *e = &file_tree.entries[dir.entry];
    size_t before = e->name_len;
    if (before + n + 2 > sizeof joined) return false;
    memcpy(joined, entry_path(e), before);
    if (before) joined[before++] = '/';
    memcpy(joined + before, name, n);
    joined[before + n] = 0;
    int i = filetree_find(joined, false);
    *out = (Spot){NULL, (uint32_t)i};
    return i >= 0;
}

// Puts the link's target before the rest of the path, in the other buffer. NULL: too long.
static char *expand(Spot link, const char *left) {
    size_t n = link.node ? link.node->size : file_tree.entries[link.entry].size, more = 0;
    while (left[more])
        more++;
    char *to = left >= rest[0] && left < rest[1] ? rest[1] : rest[0];
    if (n + 1 + more + 1 > PATH_BYTES) return NULL;
    if (link.node)
        tmpfs_read(link.node, to, n, 0);
    else
        memcpy(to, file_tree.base + file_tree.entries[link.entry].data, n);
    to[n] = '/';
    memcpy(to + n + (more != 0), left, more + 1);
    return to;
}

int path_resolve(Spot base, const char *path, bool follow, Place *out) {
    size_t len = 0;
    while (path[len] && len < PATH_BYTES)
        len++;
    if (len == PATH_BYTES) return -ENAMETOOLONG;
    if (len == 0) return -ENOENT;
    memcpy(rest[0], path, len + 1);
    const char *p = rest[0];
    Spot here = *p == '/' ? (Spot){NULL, 0} : base;
    int links = 0;
    *out = (Place){.exists = true, .at = here, .dir = here};
    for (;;) {
        while (*p == '/')
            p++;
        if (!*p) break;
        const char *name = p;
        while (*p && *p != '/')
            p++;
        size_t n = (size_t)(p - name);
        bool slash = *p == '/';
        const char *after = p;
        while (*after == '/')
            after++;
        bool last = !*after;
        if (n >= NAME_BYTES) return -ENAMETOOLONG;
        if (!spot_is_directory(here)) return -ENOTDIR;
        if (name[0] == '.' && (n == 1 || (n == 2 && name[1] == '.'))) {
            if (n == 2 && !is_root(here)) here = parent_of(here);
            *out = (Place){.exists = true, .must_be_directory = true, .at = here, .dir = here, .dots = (uint8_t)n};
            continue;
        }
        Spot next;
        bool found = child_of(here, name, n, &next);
        if (!found && !last) return -ENOENT;
        if (found && is_link(next) && (!last || follow || slash)) {
            if (++links > LINKS_MAX) return -ELOOP;
            p = expand(next, p);
            if (!p) return -ENAMETOOLONG;
            if (*p == '/') here = (Spot){NULL, 0};
            *out = (Place){.exists = true, .at = here, .dir = here};
            continue;
        }
        *out = (Place){.exists = found, .must_be_directory = slash, .at = next, .dir = here, .name = name, .name_len = n};
        if (last) break;
        here = next;
    }
    return out->exists && out->must_be_directory && !spot_is_directory(out->at) ? -ENOTDIR : 0;
}

// Writes backwards, from the last component to the first.
intptr_t path_of(Spot s, char *buf, size_t room) {
    char *end = joined + sizeof joined, *at = end;
    *--at = 0;
    if (s.node && tmpfs_is_removed(s.node)) return -ENOENT;
    if (s.node)
        for (const Node *n = s.node; n; n = n->parent) {
            if ((size_t)(at - joined) < n->name_len + 1u) return -ERANGE;
            at -= n->name_len;
            memcpy(at, n->name, n->name_len);
            *--at = '/';
        }
    else {
        const FileEntry *e = &file_tree.entries[s.entry];
        if (e->name_len + 2u > sizeof joined) return -ERANGE;
        at -= e->name_len;
        memcpy(at, entry_path(e), e->name_len);
        *--at = '/';
    }
    size_t n = (size_t)(end - at);
    if (n > room) return -ERANGE;
    memcpy(buf, at, n);
    return (intptr_t)n - 1;
}
