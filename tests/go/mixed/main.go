// One program in Go and C: each calls the other, they share channels, maps, strings, slices and structs, and panics pass through frames of
// both with their deferred calls in order. calls.c, panics.c: the C side.
//
// smp: 1 4
// args: GODEBUG=gcverify=1 GOGC=20
package main

import (
	"burrow"
	"fmt"
	"runtime"
	"sort"
	"strings"
)

type Point struct{ X, Y int32 }

type Node struct {
	Next *Node
	Name string
	N    int
}

// ---- C's functions, as the build tells C (go.h)

//extern add
func add(a, b int) int

//extern halves
func halves(x float64, s string) (float64, string, string)

//extern squares
func squares(c chan<- int, n int32)

//extern mirror
func mirror(in <-chan Point, out chan<- Point)

//extern tally
func tally(words []string, m map[string]int)

//extern new_tally
func newTally(words []string) map[string]int

//extern reversed
func reversed(n *Node) *Node

//extern call_back
func callBack(n int) int

//extern chosen
func chosen(a, b <-chan int, quit <-chan bool) int

// ---- and Go's for C

// Times is called by C's call_back.
func Times(n int, s string) (int, string) { return n * len(s), strings.Repeat(s, n) }

// Grow makes garbage and stack while C waits below.
func Grow(depth int) int {
	var room [100]int
	room[depth%100] = depth
	s := fmt.Sprint(depth)
	if depth == 0 {
		runtime.GC()
		return len(s)
	}
	return Grow(depth-1) + len(s) - len(s) + room[(depth+1)%100]
}

func check(ok bool, what string) {
	if !ok {
		panic(what)
	}
}

func values() {
	check(add(40, 2) == 42, "add")
	half, a, b := halves(5, "abcdef")
	check(half == 2.5 && a == "abc" && b == "def", "halves")
	check(callBack(3) == 3+9+len("xyzxyzxyz"), "callBack")
	list := reversed(&Node{&Node{&Node{nil, "c", 3}, "b", 2}, "a", 1})
	text := ""
	for n := list; n != nil; n = n.Next {
		text += fmt.Sprint(n.Name, n.N, " ")
	}
	say(strings.TrimSpace(text))
}

func channels() {
	c := make(chan int)
	go squares(c, 10)
	sum := 0
	for v := range c {
		sum += v
	}
	say(sum)
	in, out := make(chan Point, 3), make(chan Point)
	go mirror(in, out)
	go func() {
		for i := int32(0); i < 1000; i++ {
			in <- Point{i, -i}
		}
		close(in)
	}()
	n := int32(0)
	for p := range out {
		check(p == Point{-n, n}, "mirror")
		n++
	}
	check(n == 1000, "mirror has lost some")
	x, y, quit := make(chan int, 1), make(chan int), make(chan bool)
	x <- 7
	check(chosen(x, y, quit) == 7, "chosen")
	go func() { y <- 8 }()
	check(chosen(x, y, quit) == 108, "chosen 2")
	close(quit)
	check(chosen(nil, nil, quit) == -1, "chosen 3")
}

func words(n int) []string {
	var list []string
	for i := 0; i < n; i++ {
		list = append(list, fmt.Sprint("word", i*i%97))
	}
	return list
}

func shown(m map[string]int) string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	text := ""
	for _, k := range keys {
		text += fmt.Sprint(k, "=", m[k], " ")
	}
	return text
}

func maps() {
	list := words(600)
	want := map[string]int{}
	for _, w := range list {
		want[w]++
	}
	mine := map[string]int{"": -1} // C knows the type once something is in it
	delete(mine, "")
	tally(list, mine)
	check(shown(mine) == shown(want), "a map of Go's that C filled")
	empty := make(map[string]int)
	burrow.ShareMap(empty)
	tally(list, empty)
	check(shown(empty) == shown(want), "an empty map of Go's")
	func() {
		defer func() { say(recover()) }()
		tally(list, make(map[string]int))
	}()
	theirs := newTally(list)
	check(shown(theirs) == shown(want) && len(theirs) == len(want), "a map of C's")
	for i := 0; i < 1000; i++ {
		theirs[fmt.Sprint("more", i)] = i // grows
	}
	tally(list, theirs)
	check(theirs["more999"] == 999 && theirs["word0"] == 2*want["word0"], "a map of C's that grew in Go")
	say("maps", len(want), len(theirs))
}

var round int

func say(args ...interface{}) {
	if round == 0 {
		fmt.Println(args...)
	}
}

func main() {
	for round = 0; round < 5; round++ {
		values()
		channels()
		maps()
		panics()
	}
	fmt.Println("done")
}
