// faults.go -- panics by faults while other faults are under way: in deferred calls that end with it, and in some that recover from theirs; in functions of the program, which
// keep a frame pointer, and of the library, some of which do not. What a function had in registers when it called is there when it goes on.
// expect: 585 landings, 12 one behind the other
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math/big"
	"strings"
)

type record struct{ a, b, c, d int }

//go:noinline
func read(p *record) int { return p.c + 1 }

//go:noinline
func write(p *record, x int) { p.d = x }

// Stores with the collector's barrier: of a pointer, of a whole value.
type linked struct {
	text string
	next *linked
}

//go:noinline
func link(p, to *linked) { p.next = to }

//go:noinline
func assign(p *linked, v linked) { *p = v }

var zero int

var faults = []func(){
	func() { read(nil) },
	func() { write(nil, 3) },
	func() { link(nil, new(linked)) },
	func() { assign(nil, linked{text: fmt.Sprint(zero)}) },
	func() { println(5 / zero) },
	func() { var f func(); f() },
	func() { (*bytes.Buffer)(nil).Write([]byte("abc")) },
	func() { (*bytes.Buffer)(nil).ReadByte() },
	func() { (*bufio.Reader)(nil).ReadString('a') },
	func() { (*strings.Reader)(nil).ReadByte() },
	func() { new(big.Int).Add(nil, big.NewInt(5)) },
	func() { strings.Map(nil, "abc") },
	func() { fmt.Fprintf((*bytes.Buffer)(nil), "abc") },
}

var landings int

// Runs f, which must fault, below depth frames.
func survive(depth int, f func()) {
	a, b, c, d, e := depth*2, depth*3, depth*5, depth*7, depth*11
	defer func() {
		r, ok := recover().(error)
		if !ok || !strings.HasPrefix(r.Error(), "runtime error: ") {
			panic(fmt.Sprint("recovered: ", r))
		}
		if a != depth*2 || b != depth*3 || c != depth*5 || d != depth*7 || e != depth*11 {
			panic("a variable has changed")
		}
		landings++
	}()
	down(depth, f)
}

func down(n int, f func()) int {
	var room [20]int
	if n == 0 {
		f()
		return 0
	}
	room[n%20] = n
	return down(n-1, f) + room[n%20]
}

// The frame with the first fault has a deferred call of its own, which recovers the last of three.
func own(p *record) (n int) {
	defer func() {
		if recover() != nil {
			n = 1
		}
	}()
	defer func() { write(p, 1) }()
	defer func() { p.b = 2 }()
	return p.c
}

func main() {
	for _, first := range faults {
		for _, second := range faults {
			survive(0, func() {
				defer second() // takes the place of the first
				first()
			})
			survive(1, func() {
				defer survive(2, second) // is over before the first goes on
				first()
			})
		}
		for depth := 3; depth < 300; depth *= 5 {
			survive(depth, func() {
				defer func() {
					defer survive(1, first)
					read(nil)
				}()
				first()
			})
		}
	}
	behind := 0
	for i := 0; i < 12; i++ {
		behind += own(nil)
	}
	fmt.Println(landings, "landings,", behind, "one behind the other")
}
