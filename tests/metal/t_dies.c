// t_dies.c -- dies of the panic that its argument names, or (stray) of a fault that is none; the report is looked at.
//
// judged by: tests/test_panics.py, tests/test_trace.py
#include "metal.h"

struct pair { long a, b; };

// The fault is at the first instruction of its line: one byte before lies another one.
__attribute__((noinline)) long load(struct pair *p) {
    return p->b;
}
__attribute__((noinline)) long load_other(struct pair *p) { return p->a; }
static __attribute__((noinline)) void call_nothing(void) {
    void (*volatile nothing)(void) = NULL;
    nothing();
    println("came back");
}

static void recover_it(void *unused) { recover(); }
static __attribute__((noinline)) long survive(void) {
    catch_panics(0);
    defer(recover_it, NULL);
    return load_other(NULL);
}
static long sum;
static void survive_it(void *unused) { sum += survive(); }
static void raise_it(void *unused) { panic("second"); }

// What each does before it dies of what its caller does.
static __attribute__((noinline)) void fault(void) { sum += load(NULL); }
static __attribute__((noinline)) void text(void) { panic("a text"); }

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
#define CASE(name) if (__builtin_strcmp(how, name) == 0)
    CASE("fault") fault();
    CASE("call") call_nothing();
    CASE("fault-survived") { // a deferred call recovers another fault: this one is still what it dies of
        defer(survive_it, NULL);
        fault();
    }
    CASE("text-survived") {
        defer(survive_it, NULL);
        text();
    }
    CASE("survived-text") {
        sum += survive();
        text();
    }
    CASE("fault-text") { // the later panic is no fault, the chain has one
        defer(raise_it, NULL);
        fault();
    }
    CASE("stray") *(volatile long *)0x123450000 = 1; // nothing lies there, and it is no nil
    return 0;
}
