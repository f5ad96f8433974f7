// panics.c -- the C side of tests/go/mixed: deferred calls, panics and recoveries among Go's.

static void note(const char *text) {
    main_Note(string_of(text));
}
static void noted(void *text) {
    note(text);
}

// Defers two calls, and goes on in Go.
void deferring(long then) {
    defer(noted, "c:first");
    defer(noted, "c:second");
    main_Then(then);
}

static void recovering(void *arg) {
    Any v = recover();
    if (!v.type) return note("c:not panicking");
    char text[100];
    str_format(text, sizeof text, "c:recovered:%s", panic_text(v));
    main_Note(string_copy(text, strlen(text)));
}

static void then_in_go(long then) {
    main_Then(then);
}

// 1: came back, 2: a panic was caught.
long catching(long then) {
    catch_panics(2);
    defer(recovering, NULL);
    then_in_go(then);
    return 1;
}

static int nothing(void) {
    static volatile int *nil;
    return *nil;
}

void raising(long what) {
    defer(noted, "c:raising");
    switch (what) {
    case 0: panic("from C");
    case 1: panic_any(any_of(long, 42));
    case 2: main_Note(string_of_int(nothing())); break;
    case 3: check_index(5, 3);
    }
}

static void panic_again(void *text) {
    note("c:inner");
    panic(text);
}

// A deferred call panics while the first panic runs it.
void nested(void) {
    defer(noted, "c:outer");
    defer(panic_again, "second");
    panic("first");
}
