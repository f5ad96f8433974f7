// t_gc_latecores.c -- collections from the first moment on, while the other cores still come up. Those beyond GOMAXPROCS are not waited for by a stop, so they must
// not take memory before they have looked whether they are wanted. (Seen here on a loaded machine only, all cores on one processor, in one run of thirty; tests/sim/late.c meets it
// in each.)
//
// smp: 4
// args: GOMAXPROCS=1
#include "check.h"

int main(int argc, char **argv) {
    for (int i = 0; i < 300; i++)
        gc_collect();
    return check_end("t_gc_latecores");
}
