// walk.c -- the files of a tree, as `find ROOT -type f | LC_ALL=C sort` would list them, cut into pieces.
//
// Sorted as a whole: the order of whole paths is not that of a walk ("a.b" comes before "a/b", the directory
// "a" before both).
#include "wordfreq.h"

#define PIECE ((uint64_t)64 << 10)

TYPE_DEFINE_STRUCT(Piece, path, head, tail);

typedef const char *Path;
TYPE_CELL(PathCell, Path);
TYPE_SLICE(PathCell);
typedef slice(PathCell) Paths;

static Path join(Path dir, Path name) {
    size_t room = strlen(dir) + strlen(name) + 2;
    char *path = make_array(char, (intptr_t)room);
    str_format(path, room, "%s%s%s", dir, dir[0] && dir[strlen(dir) - 1] == '/' ? "" : "/", name);
    return path;
}

static void complain(Path path, int error, int *errors) {
    eprint("wordfreq: %s: %s\n", path, file_error_text(error));
    ++*errors;
}

static void walk(Paths *list, Path path, int *errors) {
    Dir dir;
    DirEntry entry;
    int r = dir_open(&dir, path);
    if (r < 0) {
        complain(path, r, errors);
        return;
    }
    while ((r = dir_read(&dir, &entry)) > 0) {
        if (entry.kind == FILE_REGULAR)
            *list = slice_append(PathCell, *list, join(path, entry.name));
        else if (entry.kind == FILE_DIRECTORY)
            walk(list, join(path, entry.name), errors);
    }
    if (r < 0) complain(path, r, errors);
    dir_close(&dir);
}

// Heapsort: in place, n log n whatever the order was.
static void swap(Paths v, intptr_t i, intptr_t j) {
    Path t = cell_get(slice_at(v, i));
    cell_set(slice_at(v, i), cell_get(slice_at(v, j)));
    cell_set(slice_at(v, j), t);
}
static void sift(Paths v, intptr_t i, intptr_t n) {
    for (intptr_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && strcmp(cell_get(slice_at(v, child)), cell_get(slice_at(v, child + 1))) < 0) child++;
        if (strcmp(cell_get(slice_at(v, i)), cell_get(slice_at(v, child))) >= 0) return;
        swap(v, i, child);
    }
}
static void sort(Paths v) {
    intptr_t n = v.n;
    for (intptr_t i = n / 2; i-- > 0;)
        sift(v, i, n);
    for (intptr_t last = n - 1; last > 0; last--) {
        swap(v, 0, last);
        sift(v, 0, last);
    }
}

static void cut(Pieces *pieces, Path path, int *errors) {
    FileStat st;
    int r = file_lstat(path, &st);
    if (r < 0) complain(path, r, errors);
    for (uint64_t at = 0; r == 0 && at < st.size; at += PIECE) {
        Piece *p = new (Piece);
        cell_set(p->path, path);
        p->from = at;
        p->bytes = st.size - at < PIECE ? st.size - at : PIECE;
        *pieces = slice_append(PieceCell, *pieces, p);
    }
}

Pieces cut_files(const char *root, int *errors) {
    FileStat st;
    Paths paths = {0};
    Pieces pieces = {0};
    int r = file_lstat(root, &st);
    if (r < 0)
        complain(root, r, errors);
    else if (st.kind == FILE_DIRECTORY)
        walk(&paths, root, errors);
    else if (st.kind == FILE_REGULAR)
        paths = slice_append(PathCell, paths, root);
    sort(paths);
    for (intptr_t i = 0; i < paths.n; i++)
        cut(&pieces, cell_get(slice_at(paths, i)), errors);
    return pieces;
}
