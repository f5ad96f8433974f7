// f.c -- the C side of tests/go/mixed_end.

static void again(void *text) {
    panic(text);
}
void first(void) {
    defer(again, "two");
    panic("one");
}

static volatile int after; // a call that is the last thing leaves no frame
void second(void) {
    panic("three");
    after = 1;
}
void outer(void) {
    main_Middle();
    after = 2;
}
