// sieve.c -- prime numbers through a chain of goroutines, each of which lets pass what its prime does not
// divide. The classic of Hoare's CSP and of Go's documentation: one goroutine and one channel for each prime.
//
//     make run APP=sieve CMDLINE=200
//
// args: 12
// expect: 2 3 5 7 11 13 17 19 23 29 31 37
#include "rt/burrow.h"

// Sends 2, 3, 4, ... for ever.
static void count(void *arg) {
    chan(int) out = arg;
    for (int i = 2;; i++)
        chan_send(out, i);
}

typedef struct Filter {
    cell(chan(int)) in, out;
    int prime;
} Filter;
TYPE_STRUCT(Filter, in, out);

static void filter(void *arg) {
    Filter *f = arg;
    chan_for(i, cell_get(f->in)) {
        if (i % f->prime != 0) chan_send(cell_get(f->out), i);
    }
}

int main(int argc, char **argv) {
    int64_t n = 10;
    if (argc > 1 && (!parse_int(string_of(argv[1]), 10, &n) || n < 1)) {
        eprint("sieve: \"%s\": expected how many primes to print\n", argv[1]);
        return 1;
    }
    chan(int) numbers = chan_make(int, 0);
    go(count, numbers);
    for (int64_t i = 0; i < n; i++) {
        Filter *f = new (Filter);
        cell_set(f->in, numbers);
        cell_set(f->out, chan_make(int, 0));
        f->prime = chan_recv(numbers);
        print(i ? " %d" : "%d", f->prime);
        go(filter, f);
        numbers = cell_get(f->out);
    }
    print("\n");
    return 0;
}
