// calls.c -- the C side of tests/go/mixed: plain calls, channels, maps. Every declaration comes from the Go files.

long add(long a, long b) {
    return a + b;
}

struct halves_result halves(double x, String s) {
    intptr_t middle = s.n / 2;
    return (struct halves_result){x / 2, string_sub(s, 0, middle), string_sub(s, middle, s.n)};
}

void squares(chan(long) c, int n) {
    for (long i = 0; i < n; i++)
        chan_send(c, i * i);
    chan_close(c);
}

typedef struct Mirror {
    cell(chan(Point)) in;
    cell(chan(Point)) out;
} Mirror;
TYPE_STRUCT(Mirror, in, out);

static void mirror_all(void *arg) {
    Mirror *m = arg;
    chan(Point) out = cell_get(m->out);
    chan_for(p, cell_get(m->in)) chan_send(out, ((Point){p.Y, p.X}));
    chan_close(out);
}

// A goroutine of C between two of Go.
void mirror(chan(Point) in, chan(Point) out) {
    Mirror *m = new (Mirror);
    cell_set(m->in, in);
    cell_set(m->out, out);
    go(mirror_all, m);
}

long chosen(chan(long) a, chan(long) b, chan(bool) quit) {
    long v = 0;
    switch (chan_select(case_recv(a, &v), case_recv(b, &v), case_recv(quit, NULL))) {
    case 0: return v;
    case 1: return 100 + v;
    default: return -1;
    }
}

void tally(slice(StringCell) words, map(String, long) m) {
    for (intptr_t i = 0; i < words.n; i++)
        (*map_at(m, cell_get(slice_at(words, i))))++;
    long sum = 0, looked_up = 0;
    map_for(k, v, m) {
        sum += v;
        looked_up += map_get(m, k);
    }
    if (sum != looked_up) panic("tally: iteration and look-up differ");
}

map(String, long) new_tally(slice(StringCell) words) {
    map(String, long) m = map_make(String, long);
    tally(words, m);
    return m;
}

Node *reversed(Node *n) {
    Node *first = new (Node);
    cell_set(first->Name, string_of("made-in-C"));
    for (Node *next; n; n = next) {
        next = cell_get(n->Next);
        cell_set(n->Next, first);
        first = n;
    }
    return first;
}

long call_back(long n) {
    String xyz = string_copy("xyz", 3);
    struct main_Times_result r = main_Times(n, xyz);
    return main_Grow(200) + r.r0 + r.r1.n + n - 1;
}
