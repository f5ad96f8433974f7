// full.go -- /tmp is filled up: what no longer fits is ENOSPC, the program goes on, and what is removed can be written again. Garbage gives way to files.
// mem: 128M
// args: GOGC=off GOMEMLIMIT=off
// expect: ok
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
)

func check(ok bool, what string, args ...interface{}) {
	if !ok {
		fmt.Printf("wrong: "+what+"\n", args...)
		os.Exit(1)
	}
}

func no(err error) {
	if err != nil {
		panic(err)
	}
}

var sink []byte

// Three times the memory goes through the heap, which nothing collects but want of memory, with files in between: none of them may fail.
func garbage() {
	text := make([]byte, 64<<10)
	for i := 0; i < 1500; i++ {
		for k := 0; k < 32; k++ {
			sink = make([]byte, 8<<10)
		}
		no(os.WriteFile("/tmp/x", text, 0600))
		no(os.Mkdir("/tmp/dir", 0700))
		no(os.Remove("/tmp/dir"))
		no(os.Remove("/tmp/x"))
	}
}

type node struct {
	l, r *node
	v    int
}

func tree(d int) *node {
	if d == 0 {
		return &node{v: 1}
	}
	return &node{tree(d - 1), tree(d - 1), 1}
}
func (n *node) sum() int {
	if n == nil {
		return 0
	}
	return n.v + n.l.sum() + n.r.sum()
}

// Returns how many bytes there was room for.
func fill() int {
	f, err := os.Create("/tmp/fill")
	no(err)
	chunk := make([]byte, 1<<20)
	size := 0
	for err == nil {
		var n int
		n, err = f.Write(chunk)
		size += n
	}
	check(errors.Is(err, syscall.ENOSPC), "full: %v", err)
	st, err := f.Stat()
	check(err == nil && st.Size() == int64(size), "size %v, %d written", st.Size(), size)
	no(f.Close())
	return size
}

// Collections may have made some room since; sooner or later there is none.
func refused(what string, attempt func(name string) error) {
	for i := 0; i < 20000; i++ {
		if err := attempt(fmt.Sprint("/tmp/", what, i)); err != nil {
			check(errors.Is(err, syscall.ENOSPC), "%s: %v", what, err)
			return
		}
	}
	check(false, "%s goes on for ever", what)
}

func main() {
	garbage()
	debug.SetGCPercent(100)
	sink = nil
	size := fill()
	check(size > 64<<20, "only %d bytes fit", size)
	refused("Mkdir", func(name string) error { return os.Mkdir(name, 0700) })
	refused("Symlink", func(name string) error { return os.Symlink("x", name) })
	refused("Create", func(name string) error {
		f, err := os.Create(name)
		if err == nil {
			err = f.Close()
		}
		return err
	})
	pipes, err := 0, error(nil)
	for ; err == nil; pipes++ {
		var r, w *os.File
		if r, w, err = os.Pipe(); err == nil {
			defer r.Close()
			defer w.Close()
		}
	}
	check(errors.Is(err, syscall.ENOMEM), "pipe %d: %v", pipes, err)
	for i := 0; i < 500; i++ {
		check(tree(10).sum() == 2047, "a tree")
	}
	for i := 0; i < 4; i++ {
		no(os.Remove("/tmp/fill"))
		again := fill()
		check(again > size-size/16, "%d bytes fit at first, then %d", size, again)
	}
	no(os.Remove("/tmp/fill"))
	r, w, err := os.Pipe()
	no(err)
	no(r.Close())
	no(w.Close())
	fmt.Println("ok")
}
