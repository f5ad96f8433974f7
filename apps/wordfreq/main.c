// wordfreq -- the most frequent words of all files packed into the image, counted on all cores at once.
//
//     make run APP=apps/wordfreq FILES=/usr/share/common-licenses CMDLINE="GODEBUG=gctrace=1 GOGC=10"
//     wordfreq [--top=N] [DIR]
//
// Prints the 50 (or N) words that occur most often, in lower case, those of equal count in the order of the alphabet. The counts and words
// are those of
//
//     cd FILES; find DIR -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | LC_ALL=C tr -cs 'A-Za-z' '\n' |
//     LC_ALL=C tr A-Z a-z | grep . | LC_ALL=C sort | uniq -c | LC_ALL=C sort -k1,1nr -k2,2 | head -50
//
// also where a word goes on from one file to the next because the first does not end with a newline. Status 1: something could not
// be read.
//
//     main --pieces--> a worker for each core, each with its own map --maps--> main, which adds them up
//
// It is made for the collector: each occurrence of a word is a string of its own. The heap stays as small as GOGC says.
#include "wordfreq.h"

enum { MOST = 1000 }; // of --top

typedef struct Worker Worker;
typedef Worker *WorkerPtr;
struct Worker {
    cell(chan(PiecePtr)) pieces;
    cell(chan(WorkerPtr)) done;
    cell(Counts) counts;
};
TYPE_STRUCT(Worker, pieces, done, counts);
TYPE_POINTER(WorkerPtr);

static void work(void *arg) {
    Worker *w = arg;
    Counts counts = map_make(String, long);
    chan_for(piece, cell_get(w->pieces)) count_piece(piece, counts);
    cell_set(w->counts, counts);
    chan_send(cell_get(w->done), w);
}

static Counts count_all(Pieces pieces, int workers) {
    chan(PiecePtr) to = chan_make(PiecePtr, workers);
    chan(WorkerPtr) done = chan_make(WorkerPtr, 0);
    for (int i = 0; i < workers; i++) {
        Worker *w = new (Worker);
        cell_set(w->pieces, to);
        cell_set(w->done, done);
        go(work, w);
    }
    for (intptr_t i = 0; i < pieces.n; i++)
        chan_send(to, cell_get(slice_at(pieces, i)));
    chan_close(to);
    Counts all = map_make(String, long);
    for (int i = 0; i < workers; i++) {
        Counts some = cell_get(chan_recv(done)->counts);
        map_for(word, n, some) count_words(all, word, n);
    }
    join_edges(pieces, all);
    return all;
}

// ---- the most frequent
typedef struct Entry {
    String word;
    long n;
} Entry;

static bool before(Entry a, Entry b) {
    return a.n != b.n ? a.n > b.n : string_compare(a.word, b.word) < 0;
}

static void print_top(Counts counts, int most) {
    static Entry top[MOST]; // a variable, no heap object: its strings need no cells
    int held = 0;
    map_for(word, n, counts) {
        Entry e = {word, n};
        if (held == most && !before(e, top[held - 1])) continue;
        int at = held < most ? held++ : held - 1;
        for (; at > 0 && before(e, top[at - 1]); at--)
            top[at] = top[at - 1];
        top[at] = e;
    }
    for (int i = 0; i < held; i++)
        println("%ld %.*s", top[i].n, str_arg(top[i].word));
}

int main(int argc, char **argv) {
    const char *root = NULL;
    int64_t top = 50;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--top=", 6) == 0 && parse_int(string_of(argv[i] + 6), 10, &top) && top > 0 && top <= MOST) {
        } else if (argv[i][0] != '-' && !root) {
            root = argv[i];
        } else {
            eprint("wordfreq: \"%s\": expected [--top=1..%d] [DIR]\n", argv[i], MOST);
            return 1;
        }
    }
    int errors = 0;
    Pieces pieces = cut_files(root ? root : ".", &errors);
    Counts counts = count_all(pieces, gomaxprocs(0));
    for (intptr_t i = 0; i < pieces.n; i++) {
        Piece *p = cell_get(slice_at(pieces, i));
        if (p->error) eprint("wordfreq: %s: %s\n", cell_get(p->path), file_error_text(p->error)), errors++;
    }
    print_top(counts, (int)top);
    return errors != 0;
}
