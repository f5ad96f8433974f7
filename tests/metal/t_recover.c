// t_recover.c -- which panic a recover stops, and where the program goes on: nested panics, deferred calls that panic or recover
// by themselves, goexit beside panics. Each case writes a trace, compared with what Go does.
#include "metal.h"

static char trace[200];
static void note(const char *s) {
    size_t n = strlen(trace);
    str_format(trace + n, sizeof trace - n, "%s ", s);
}
static void note_deferred(void *s) { note(s); }
static void recoverer(void *unused) {
    Any v = recover();
    note(v.type ? panic_text(v) : "nothing");
}
static void expect(const char *name, const char *want) {
    bool ok = strcmp(trace, want) == 0;
    if (!ok) fetch_add(&check_failures, 1);
    say("%s %s: \"%s\", expected \"%s\"\n", ok ? "ok  " : "FAIL", name, trace, want);
    trace[0] = 0;
}

static int plain(void) {
    catch_panics(1);
    defer(note_deferred, "outer");
    defer(recoverer, NULL);
    defer(note_deferred, "inner");
    panic("p1");
}

// A deferred call that panics and recovers by itself has simply returned.
static void panics_and_recovers(void *unused) {
    defer(recoverer, NULL);
    panic("p2");
}
static int self_contained(void) {
    catch_panics(1);
    defer(recoverer, NULL);
    defer(panics_and_recovers, NULL);
    panic("p1");
}

// A function that is merely called during a panic has nothing to recover.
static void helper(void) { defer(recoverer, NULL); }
static void calls_helper(void *unused) { helper(); }
static int not_mine(void) {
    catch_panics(1);
    defer(recoverer, NULL);
    defer(calls_helper, NULL);
    panic("p1");
}

// A panic in a deferred call replaces the one under way.
static void panics(void *text) { panic(text); }
static int replaced(void) {
    catch_panics(1);
    defer(recoverer, NULL);
    defer(panics, "p2");
    panic("p1");
}
static void after_all(void *unused) {
    catch_panics();
    defer(recoverer, NULL);
    replaced(); // its panics are over: nothing is left to recover here
}

// In a normal return nothing is recoverable; a deferred call that panics then ends the function by its own catch frame.
static int late(void) {
    catch_panics(1);
    defer(recoverer, NULL);
    defer(panics, "late");
    return 2;
}

static chan(int) ended;
static void say_ended(void *unused) { chan_send(ended, 1); }
static int exits_inside(void) {
    catch_panics(1);
    defer(recoverer, NULL); // recovers p1, but the goexit goes on
    defer(panics, "p1");
    goexit();
}
static void goexit_goes_on(void *unused) {
    defer(say_ended, NULL);
    defer(note_deferred, "last");
    exits_inside();
    note("WRONG: after goexit");
}

int main(int argc, char **argv) {
    check_equal("plain", plain(), 1);
    expect("plain", "inner p1 outer ");
    check_equal("self-contained", self_contained(), 1);
    expect("a deferred call that recovers by itself", "p2 p1 ");
    check_equal("not mine", not_mine(), 1);
    expect("a helper's deferred call", "nothing p1 ");
    after_all(NULL);
    expect("a panic in a deferred call", "p2 nothing ");
    check_equal("late", late(), 1);
    expect("a panic while returning", "late ");
    ended = chan_make(int, 0);
    go(goexit_goes_on, NULL);
    chan_recv(ended);
    expect("goexit beside a panic", "p1 last ");
    return check_end("t_recover");
}
