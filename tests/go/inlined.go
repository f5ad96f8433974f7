// inlined.go asks where it is from functions that the compiler puts into their callers: they count, as in Go.
package main

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"strings"
)

func place(name, file string, line int) string {
	return fmt.Sprint(name, ":", file[strings.LastIndex(file, "/")+1:], ":", line)
}

//go:noinline
func caller(n int) string {
	pc, file, line, ok := runtime.Caller(n)
	if !ok {
		return "none"
	}
	f := runtime.FuncForPC(pc - 1)
	if name, at := f.FileLine(pc - 1); name != file || at != line {
		return "contradiction"
	}
	return place(f.Name(), file, line)
}

//go:noinline
func callers(skip int) (list []string) {
	var pcs [20]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(skip, pcs[:])])
	for {
		f, more := frames.Next()
		if !more { // what is below main.main has other names elsewhere
			return
		}
		list = append(list, place(f.Function, f.File, f.Line))
	}
}

func a(n int) string { return caller(n) }
func b(n int) string { return a(n) }

type T struct{ n int }

func (t *T) c() string { return b(t.n) }

func x(skip int) []string { return callers(skip) }
func y(skip int) []string { return x(skip) }

//go:noinline
func z(skip int) []string { return y(skip) }

func load(p *T) int      { return p.n }
func loadTwice(p *T) int { return load(p) + load(p) }

func says(l *log.Logger) { l.Print("here") }

func main() {
	for n := 0; n < 6; n++ {
		fmt.Println(n, (&T{n}).c())
	}
	for skip := 1; skip < 6; skip++ {
		fmt.Println(skip, z(skip))
	}
	says(log.New(os.Stdout, "", log.Lshortfile))
	fmt.Println(loadTwice(nil))
}

// judged by: tests/test_go_endings.py
