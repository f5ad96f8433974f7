// send.c -- does not compile, which is the point: scripts/tour_files keeps what the compiler says.
#include "rt/burrow.h"

typedef struct Point {
    int x, y;
} Point;

int main(int argc, char **argv) {
    chan(int) c = chan_make(int, 1);
    chan_send(c, ((Point){1, 2}));
    return 0;
}
