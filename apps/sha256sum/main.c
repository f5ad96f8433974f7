// sha256sum -- prints the SHA-256 of every file packed into the image, hashed on all cores at once.
//
//     make run APP=apps/sha256sum FILES=/usr/share/common-licenses CMDLINE="--stats"
//     sha256sum [--stats] [DIR]
//
// The output is that of `cd FILES; find DIR -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`
// (coreutils 9.1): DIR is "." unless given, so paths begin with "./"; names with a backslash, newline or
// return are escaped, and their line begins with a backslash. Symbolic links are left out. With --stats a
// line for each core follows. Status 1: something could not be read.
//
//     walker --first[w]--> worker w, pinned to core w --results--> main, which prints in order
//            --shared--->  (all workers)
//
// Each worker gets its first file through a channel of its own, so that every core hashes something whenever
// there are as many files as cores, however the machine schedules; after that whoever is free takes the next
// file.
#include "job.h"
#include "sha256.h"

#define CHUNK ((size_t)64 << 10)

typedef struct Worker {
    int core;
    cell(chan(JobPtr)) first;
    cell(chan(JobPtr)) shared;
    cell(chan(JobPtr)) results;
    cell(WaitGroup *) running;
    int64_t files, bytes; // hashed; main reads them when the worker is done
} Worker;
TYPE_STRUCT(Worker, first, shared, results, running);

typedef struct Crew {
    cell(const char *) root;
    cell(Worker *) workers;
    int n;
    cell(chan(JobPtr)) shared;
    cell(chan(JobPtr)) results;
    cell(chan(intptr_t)) count; // the walker tells main how many results will come
    WaitGroup running;
    int errors; // of the walker; main reads it after `count`
} Crew;
TYPE_STRUCT(Crew, root, workers, shared, results, count);

static void hash(Job *job) {
    File file;
    const void *data;
    Sha256 s;
    job->error = file_open(&file, cell_get(job->path));
    if (job->error == 0) job->error = file_map(&file, &data, &job->bytes);
    if (job->error) return;
    sha256_init(&s);
    for (size_t at = 0; at < job->bytes; at += CHUNK)
        sha256_update(&s, (const char *)data + at, job->bytes - at < CHUNK ? job->bytes - at : CHUNK);
    sha256_final(&s, job->sum);
    file_close(&file);
}

static void hash_and_pass_on(Worker *w, Job *job) {
    hash(job);
    if (job->error == 0) w->files++, w->bytes += (int64_t)job->bytes;
    chan_send(cell_get(w->results), job);
}

static void worker(void *arg) {
    Worker *w = arg;
    if (!goroutine_pin(w->core)) {
        eprint("sha256sum: core %d cannot be used\n", w->core);
        program_exit(1);
    }
    JobPtr first;
    if (chan_recv_ok(cell_get(w->first), &first)) hash_and_pass_on(w, first);
    chan_for(job, cell_get(w->shared)) hash_and_pass_on(w, job);
    waitgroup_done(cell_get(w->running));
}

static void walker(void *arg) {
    Crew *crew = arg;
    JobList list = {0};
    Worker *workers = cell_get(crew->workers);
    walk(cell_get(crew->root), &list);
    crew->errors = list.errors;
    chan_send(cell_get(crew->count), list.n);
    for (intptr_t i = 0; i < list.n; i++) {
        if (i < crew->n)
            chan_send(cell_get(workers[i].first), cell_get(list.jobs[i]));
        else
            chan_send(cell_get(crew->shared), cell_get(list.jobs[i]));
    }
    for (int i = 0; i < crew->n; i++)
        chan_close(cell_get(workers[i].first));
    chan_close(cell_get(crew->shared));
}

static Crew *crew_start(const char *root) {
    Crew *crew = new (Crew);
    cell_set(crew->root, root);
    crew->n = gomaxprocs(0);
    cell_set(crew->workers, make_array(Worker, crew->n));
    cell_set(crew->shared, chan_make(JobPtr, crew->n));
    cell_set(crew->results, chan_make(JobPtr, 16 * crew->n));
    cell_set(crew->count, chan_make(intptr_t, 0));
    waitgroup_add(&crew->running, crew->n);
    for (int i = 0; i < crew->n; i++) {
        Worker *w = &cell_get(crew->workers)[i];
        w->core = i;
        cell_set(w->first, chan_make(JobPtr, 1));
        cell_set(w->shared, cell_get(crew->shared));
        cell_set(w->results, cell_get(crew->results));
        cell_set(w->running, &crew->running);
        go(worker, w);
    }
    go(walker, crew);
    return crew;
}

// The path as coreutils prints it: *escaped tells whether it had to be changed.
static const char *printable(const char *path, bool *escaped) {
    *escaped = strchr(path, '\\') || strchr(path, '\n') || strchr(path, '\r');
    if (!*escaped) return path;
    StrBuf b = {0};
    for (; *path; path++) {
        if (*path == '\\')
            strbuf_add(&b, "\\\\", 2);
        else if (*path == '\n')
            strbuf_add(&b, "\\n", 2);
        else if (*path == '\r')
            strbuf_add(&b, "\\r", 2);
        else
            strbuf_add(&b, path, 1);
    }
    return b.text;
}

// Returns the exit status that this result asks for.
static int print_result(const Job *job) {
    bool escaped;
    const char *path = printable(cell_get(job->path), &escaped);
    if (job->error) {
        eprint("sha256sum: %s: %s\n", path, file_error_text(job->error));
        return 1;
    }
    char sum[65];
    for (int i = 0; i < 32; i++)
        str_format(sum + 2 * i, 3, "%02x", job->sum[i]);
    println("%s%s  %s", escaped ? "\\" : "", sum, path);
    return 0;
}

// Receives the results as they come and prints them in order.
static int print_results(Crew *crew) {
    int status = 0;
    intptr_t n = chan_recv(cell_get(crew->count)), printed = 0;
    JobCell *arrived = make_array(JobCell, n); // NULL: not yet
    if (crew->errors) status = 1;
    while (printed < n) {
        Job *job = chan_recv(cell_get(crew->results));
        cell_set(arrived[job->number], job);
        for (; printed < n && cell_get(arrived[printed]); printed++)
            status |= print_result(cell_get(arrived[printed]));
    }
    return status;
}

static void print_stats(const Crew *crew) {
    for (int i = 0; i < crew->n; i++) {
        const Worker *w = &cell_get(crew->workers)[i];
        println("core %d: %ld files, %ld bytes", w->core, w->files, w->bytes);
    }
}

int main(int argc, char **argv) {
    bool stats = false;
    const char *root = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--stats") == 0)
            stats = true;
        else if (argv[i][0] != '-' && !root)
            root = argv[i];
        else {
            eprint("sha256sum: \"%s\": expected [--stats] [DIR]\n", argv[i]);
            return 1;
        }
    }
    Crew *crew = crew_start(root ? root : ".");
    int status = print_results(crew);
    waitgroup_wait(&crew->running);
    if (stats) print_stats(crew);
    return status;
}
