"""test_go_escape.py -- that "make escape" reports what is allocated, and nothing else: each function's lines against testing.AllocsPerRun."""
import re
import subprocess

# A function a line; its first line's number names it. What is between is what the report must find or leave out.
HEAD = """package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
)

type T struct {
	a, b int
}

type S struct {
	mu sync.Mutex
	n  int
}

func (s *S) inc() { s.mu.Lock(); s.n++; s.mu.Unlock() }

func (s *S) get() (int, error) { return s.n, nil }

type pointer struct{ p *int }

var sink interface{}
var sinkBytes []byte
var sinkText string
var sinkError error
var s = &S{}
var g = 1000
var number = 1234567
var text = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
var err = errors.New("x")
var empty struct{}
var channel = make(chan int)
var table = map[string]*S{}

func args(a ...interface{}) { sink = a[0] }

func noArgs(w io.Writer, a ...interface{}) {}

"""
# (allocations, source); None: at least one
FUNCTIONS = [
    (0, "s.inc()"), (0, "s.get()"), (0, 'sink = "constant"'), (0, "sink = nil"), (0, "sink = 4"), (0, "sink = os.Stdout"), (0, "sink = &g"),
    (0, "sink = err"), (0, "sink = channel"), (0, "sink = table"), (0, "sink = pointer{&g}"), (0, "sink = empty"), (1, "sink = number > 5"),
    (0, "x := T{1, 2}; p := &x; g = p.a"), (0, "x := make([]int, 10); g = len(x)"), (0, "p := &s.n; *p = 1"),
    (1, "sink = number"), (1, "sink = text"), (1, "sink = T{1, number}"), (1, "sink = s.n + number"), (1, "x := number; sink = &x"),
    (1, "sink = &T{a: number}"), (1, "sink = new(int)"), (1, "sinkBytes = []byte(text)"), (1, "sinkText = text + text"),
    (1, "sinkBytes = make([]byte, 10)"), (1, "x := make([]int, number&7+1); g = len(x)"), (1, "sink = make(chan int)"), (None, "sink = make(map[string]int)"),
    (None, "sink = map[string]int{text: 1}"), (2, "sink = &[2]*int{new(int)}"), (2, "x := number; f := func() int { x++; return x }; sink = f"),
    (None, "sinkError = fmt.Errorf(text, number, err)"), (None, 'args("x", number, err, &g, T{number, 1}, nil, text)'),
    (None, 'var wg sync.WaitGroup; wg.Add(1); go func() { wg.Done() }(); wg.Wait()'),
]


def sources():
    lines = HEAD.split("\n")[:-1]
    first = {}
    for i, (_, body) in enumerate(FUNCTIONS):
        lines.append(f"func f{i}() {{")
        first[i] = len(lines) + 1
        lines += [f"\t{part}" for part in body.split("; ")] if "{" not in body else [f"\t{body}"]
        lines += ["}", ""]
    lines.append("func main() {")
    lines += [f'\tprintln("f", {i}, int(testing.AllocsPerRun(100, f{i})))' for i in range(len(FUNCTIONS))]
    return "\n".join(lines + ["}", ""]), first


def make(target, app):
    r = subprocess.run(["make", "-s", f"APP={app}", target], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 0, r.stdout
    return r.stdout


def test_reported_is_what_is_allocated(tmp_path):
    app = tmp_path / "allocs.go"
    text, first = sources()
    app.write_text(text)
    reported = make("escape", app)
    make("host", app)
    r = subprocess.run(["build/host/allocs"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    measured = {int(i): int(n) for i, n in re.findall(r"^f (\d+) (\d+)$", r.stdout, re.M)}
    assert len(measured) == len(FUNCTIONS), r.stdout
    places = [int(n) for n in re.findall(r"allocs\.go:(\d+):\d+: ", reported)]
    wrong = []
    for i, (expected, body) in enumerate(FUNCTIONS):
        lines = sum(first[i] <= n < first.get(i + 1, first[i] + 9) - 1 for n in places)
        if (measured[i], lines) != (expected, expected) and not (expected is None and measured[i] and lines):
            wrong.append(f"{body}: {measured[i]} allocations, {lines} lines")
    assert not wrong, "\n".join(wrong) + "\n" + reported


PIECES = """package main

import (
	"io/ioutil"
	"os"
	"sync"
)

type Store struct {
	items map[string]*int
}

func New() *Store { return &Store{items: make(map[string]*int)} }

func channels() (chan int, chan string) { return make(chan int), make(chan string) }

var sink interface{}

func put(f *os.File, n int) { sink = n }

type Item struct{ name string }

func field(it *Item) { sink = it.name }

func main() {
	New()
	channels()
	put(nil, 1)
	field(&Item{"x"})
	ioutil.WriteFile("x", []byte("x"), 0644)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
	}()
	wg.Wait()
}
"""


def test_pieces_of_source_are_whole(tmp_path):
    app = tmp_path / "pieces.go"
    app.write_text(PIECES)
    output = make("escape", app)
    lines = [line.split(": ", 1)[1] for line in output.splitlines() if line.startswith(str(app))]
    for want in ("&Store{items: make(map[string]*int)} is on the heap: ", "make(chan int) is on the heap: ", "make(chan string) is on the heap: ",
                 "n is copied to the heap for an interface: ", "it.name is copied to the heap for an interface: ", '[]byte("x") is on the heap: '):
        assert any(line.startswith(want) for line in lines), output
    assert sum("variable wg " in line for line in lines) == 1 and "\n    line 32: wg.Add(1)\n" in output, output


def test_package_with_embedded_files(tmp_path):
    app = tmp_path / "embeds"
    app.mkdir()
    (app / "text").write_text("text")
    head = 'package main\n\nimport _ "embed"\n\n//go:embed text\nvar text string\n\n'
    (app / "main.go").write_text(head + "var kept *int\n\nfunc main() {\n\tkept = new(int)\n\t*kept = len(text)\n}\n")
    assert f"{app}/main.go:11:16: new(int) is on the heap: " in make("escape", app)
    (app / "main.go").write_text(head + "func main() { println(len(text)) }\n")
    assert "nothing goes to the heap" in make("escape", app)
