// defers.go -- deferred calls in loops: their records lie in the heap and nothing but the goroutine knows them, while the collector runs.
// expect: returned 20000
// expect: panicked 20000 last
// expect: exited 20000
// expect: nested 200 100
// expect: 8 goroutines, 40000 calls
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

// Calls of a loop, and a quarter of that for each of the goroutines. An argument, for runs where an instruction takes long (tests/test_trapstep.py), says another number.
var many = 20000

// What a deferred call gets leads to an object that nothing else leads to.
type link struct{ number, check int }

func newLink(i int) *link { return &link{i, ^i} }

// Objects of the records' sizes, so that a record that was lost is overwritten.
var sink [64]*[8]uint64

func litter() {
	for i := 0; i < many/20+64; i++ {
		sink[i%64] = &[8]uint64{0xdead, 0xdead, 0xdead, 0xdead, 0xdead, 0xdead, 0xdead, 0xdead}
	}
}

// Each call expects to follow that of the next higher number.
func count(done *int, n int, p *link) {
	if p.check != ^p.number || p.number != n-1-*done {
		panic(fmt.Sprint("call ", *done, " of ", n, " has number ", p.number))
	}
	*done++
}

func loop(done *int, n int, end func()) {
	for i := 0; i < n; i++ {
		defer count(done, n, newLink(i))
	}
	runtime.GC()
	litter()
	end()
}

func panicking() (done int, value interface{}) {
	defer func() { value = recover() }()
	loop(&done, many, func() { panic("last") })
	return
}

func exiting() (done int) {
	var group sync.WaitGroup
	group.Add(1)
	go func() {
		defer group.Done()
		loop(&done, many, runtime.Goexit)
	}()
	group.Wait()
	return
}

// A panic for each deferred call, replaced by the next one, with collections between: the last is recovered.
func nested() (calls int, value interface{}) {
	defer func() { value = recover() }()
	for i := 1; i <= 200; i++ {
		i := i
		defer func() {
			calls++
			if i%50 == 0 {
				runtime.GC()
				litter()
			}
			if i > 100 {
				panic(i - 1)
			}
		}()
	}
	panic("first")
}

func main() {
	if len(os.Args) > 1 {
		many, _ = strconv.Atoi(os.Args[1])
	}
	done := 0
	loop(&done, many, func() {})
	fmt.Println("returned", done)
	done, value := panicking()
	fmt.Println("panicked", done, value)
	fmt.Println("exited", exiting())
	calls, value := nested()
	fmt.Println("nested", calls, value)
	var group sync.WaitGroup
	var sum int64
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			done := 0
			loop(&done, many/4, runtime.Gosched)
			atomic.AddInt64(&sum, int64(done))
		}()
	}
	group.Wait()
	fmt.Println("8 goroutines,", sum, "calls")
}
