// pingpong.c -- two goroutines throw a ball through two channels, in both directions as often as asked.
//
//     make run APP=pingpong CMDLINE=100000
//
// args: 1000
// expect: 1000 round trips
#include "rt/burrow.h"

typedef struct Table {
    cell(chan(int)) there, back;
} Table;
TYPE_STRUCT(Table, there, back);

static void partner(void *arg) {
    Table *t = arg;
    chan_for(ball, cell_get(t->there)) chan_send(cell_get(t->back), ball + 1);
    chan_close(cell_get(t->back));
}

int main(int argc, char **argv) {
    int64_t rounds = 1000;
    if (argc > 1 && !parse_int(string_of(argv[1]), 10, &rounds)) {
        eprint("pingpong: \"%s\": expected a number of round trips\n", argv[1]);
        return 1;
    }
    Table *t = new (Table);
    cell_set(t->there, chan_make(int, 0));
    cell_set(t->back, chan_make(int, 0));
    go(partner, t);

    int ball = 0;
    for (int64_t i = 0; i < rounds; i++) {
        chan_send(cell_get(t->there), ball);
        ball = chan_recv(cell_get(t->back));
    }
    chan_close(cell_get(t->there));
    println("%d round trips", ball);
    return 0;
}
