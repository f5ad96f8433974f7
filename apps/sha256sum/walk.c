// walk.c -- collects the files of a tree, as `find ROOT -type f | LC_ALL=C sort` would list them.
//
// Sorted as a whole: the order of whole paths is not that of a walk ("a.b" comes before "a/b", the directory
// "a" before both).
#include "job.h"

TYPE_DEFINE_STRUCT(Job, path);

static const char *join(const char *dir, const char *name) {
    size_t room = strlen(dir) + strlen(name) + 2;
    char *path = make_array(char, (intptr_t)room);
    str_format(path, room, "%s%s%s", dir, dir[0] && dir[strlen(dir) - 1] == '/' ? "" : "/", name);
    return path;
}

static void add(JobList *list, const char *path) {
    if (list->n == list->room) {
        intptr_t room = list->room ? 2 * list->room : 64;
        JobCell *jobs = make_array(JobCell, room);
        value_copy_n(JobCell, jobs, list->jobs, list->n);
        list->jobs = jobs;
        list->room = room;
    }
    Job *job = new (Job);
    cell_set(job->path, path);
    cell_set(list->jobs[list->n], job);
    list->n++;
}

static void complain(JobList *list, const char *path, int error) {
    eprint("sha256sum: %s: %s\n", path, file_error_text(error));
    list->errors++;
}

static void walk_dir(JobList *list, const char *path) {
    Dir dir;
    DirEntry entry;
    int r = dir_open(&dir, path);
    if (r < 0) {
        complain(list, path, r);
        return;
    }
    while ((r = dir_read(&dir, &entry)) > 0) {
        if (entry.kind == FILE_REGULAR)
            add(list, join(path, entry.name));
        else if (entry.kind == FILE_DIRECTORY)
            walk_dir(list, join(path, entry.name));
    }
    if (r < 0) complain(list, path, r);
    dir_close(&dir);
}

// Heapsort: in place, n log n whatever the order was.
static const char *path_of(const JobCell *v, intptr_t i) {
    return cell_get(cell_get(v[i])->path);
}

static void swap(JobCell *v, intptr_t i, intptr_t k) {
    Job *t = cell_get(v[i]);
    cell_set(v[i], cell_get(v[k]));
    cell_set(v[k], t);
}

static void sift(JobCell *v, intptr_t i, intptr_t n) {
    for (intptr_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && strcmp(path_of(v, child), path_of(v, child + 1)) < 0) child++;
        if (strcmp(path_of(v, i), path_of(v, child)) >= 0) return;
        swap(v, i, child);
    }
}

static void sort(JobCell *v, intptr_t n) {
    for (intptr_t i = n / 2; i-- > 0;)
        sift(v, i, n);
    for (intptr_t last = n - 1; last > 0; last--) {
        swap(v, 0, last);
        sift(v, 0, last);
    }
}

void walk(const char *root, JobList *list) {
    FileStat st;
    int r = file_lstat(root, &st);
    if (r < 0)
        complain(list, root, r);
    else if (st.kind == FILE_DIRECTORY)
        walk_dir(list, root);
    else if (st.kind == FILE_REGULAR)
        add(list, root);
    sort(list->jobs, list->n);
    for (intptr_t i = 0; i < list->n; i++)
        cell_get(list->jobs[i])->number = i;
}
