// The head-to-head's work in Go: the same names and the same work as bench.c, heap.c and lang.c one directory above, for Go's compiler and gccgo alike.
//
//	PROGRAM [-ms N] [-reps N] [-p parked goroutines] [-mib N] [-scale PERCENT] NAME...     (no name: list)
//
// One line for each result: name TAB median TAB unit [TAB lowest TAB highest].
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

type work struct {
	name string
	run  func()
}

var works = []work{
	{"spawn", spawn}, {"yield", yield}, {"parked", parked}, {"chan", channels}, {"select", selects}, {"mutex", mutexes},
	{"sleep", sleeps}, {"tick", ticks}, {"timer", timers}, {"stack", stacks}, {"none", none},
	{"alloc", allocations}, {"bintree", binaryTrees}, {"gc", collections}, {"map", maps}, {"lang", language},
}

// none shows how long a program takes to its first line: what the machine did before counts.
func none() { emit("main", float64(now()), "ns since the program began") }

func option(name string, value int) {
	switch name {
	case "-ms":
		budget = time.Duration(value) * time.Millisecond
	case "-reps":
		reps = value
	case "-p":
		parkedN = value
	case "-mib":
		heapMiB = value
	case "-scale":
		scale = value
	default:
		fail("unknown option " + name)
	}
}

func fail(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(2)
}

func main() {
	args := os.Args[1:]
	for len(args) >= 2 && args[0][0] == '-' {
		v, err := strconv.Atoi(args[1])
		if err != nil {
			fail(args[0] + ": " + err.Error())
		}
		option(args[0], v)
		args = args[2:]
	}
	if len(args) == 0 {
		for _, w := range works {
			fmt.Println(w.name)
		}
		return
	}
	for _, name := range args {
		find(name).run()
	}
}

func find(name string) work {
	for _, w := range works {
		if w.name == name {
			return w
		}
	}
	fail("no work named " + name)
	return work{}
}
