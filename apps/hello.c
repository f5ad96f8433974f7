// hello.c -- the smallest program: main is goroutine 1, its value the exit status of the machine.
//
// expect: hello, world
#include "rt/burrow.h"

int main(int argc, char **argv) {
    println("hello, world");
    return 0;
}
