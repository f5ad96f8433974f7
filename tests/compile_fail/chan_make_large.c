// error: chan_make: element type larger than 64 kB
#include "rt/burrow.h"

typedef struct Huge {
    char c[65536];
} Huge;
TYPE_NOSCAN(Huge);

int main(void) {
    chan(Huge) c = chan_make(Huge, 1);
    return chan_len(c) != 0;
}
