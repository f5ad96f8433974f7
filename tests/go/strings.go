// strings.go -- strings made of bytes that change afterwards.
// expect: ok
package main

import (
	"fmt"
	"runtime"
)

var buffer = []byte("howdy") // in the heap

type holder struct {
	text string `go:"track"` // gccgo calls the runtime where it is used
}

//go:noinline
func (h *holder) add(b []byte) { h.text += string(b) }

//go:noinline
func prefix(a string, b []byte) string { return a + string(b) }

func main() {
	b := buffer
	h := &holder{}
	h.add(b)
	s, m := prefix("", b), map[string]int{prefix("", b): 1}
	copy(b, "world")
	h.add(b)
	if h.text != "howdyworld" || s != "howdy" || m["howdy"] != 1 {
		fmt.Printf("wrong: %q %q %v\n", h.text, s, m)
	}
	// Callers itself counts.
	var pcs [8]uintptr
	frame, _ := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])]).Next()
	if frame.Function != "runtime.Callers" || runtime.Callers(0, pcs[:]) != runtime.Callers(1, pcs[:])+1 {
		fmt.Println("wrong:", frame.Function)
	}
	// So does what started the goroutine, at the end.
	last, frames := "", runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])])
	for more := true; more; {
		frame, more = frames.Next()
		last = frame.Function
	}
	if last != "runtime.kickoff" {
		fmt.Println("wrong:", last)
	}
	fmt.Println("ok")
}
