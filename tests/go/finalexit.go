// finalexit.go -- a finalizer that ends its goroutine: whoever gets the goroutine's record next counts as a goroutine, and is shown.
// expect: 1 after each batch
// expect: all of 101 are shown
// expect: GOMAXPROCS all
package main

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
)

type object struct {
	next *object
	room [4]int
}

//go:noinline
func drop(done chan bool) {
	runtime.SetFinalizer(&object{}, func(*object) {
		done <- true
		runtime.Goexit()
	})
}

//go:noinline
func clobber(n int) int {
	var room [100]int
	if n > 0 {
		return clobber(n-1) + room[n%100]
	}
	return 0
}

func settled() bool {
	for i := 0; i < 10000; i++ {
		if runtime.NumGoroutine() == 1 {
			return true
		}
		runtime.Gosched()
	}
	return false
}

func main() {
	runtime.GOMAXPROCS(1) // one pool of records: the batches get the finalizer's
	done := make(chan bool, 8)
	for i := 0; i < 8; i++ {
		drop(done)
	}
	for ended := false; !ended; {
		clobber(20)
		runtime.GC()
		select {
		case ended = <-done:
		default:
			runtime.Gosched()
		}
	}
	for i := 0; i < 5; i++ {
		for j := 0; j < 100; j++ {
			go func() {}()
		}
		if !settled() {
			fmt.Println(runtime.NumGoroutine(), "after batch", i)
			return
		}
	}
	fmt.Println("1 after each batch")

	gate := make(chan bool)
	var inside, outside sync.WaitGroup
	inside.Add(100)
	outside.Add(100)
	for j := 0; j < 100; j++ {
		go func() {
			inside.Done()
			<-gate
			outside.Done()
		}()
	}
	inside.Wait()
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if n := bytes.Count(stacks, []byte("goroutine ")) - bytes.Count(stacks, []byte("in goroutine ")); n == 101 {
		fmt.Println("all of 101 are shown")
	} else {
		fmt.Println(n, "of 101 are shown")
	}
	close(gate)
	outside.Wait()

	one := 1 // more than the machine has: as many as it has, not what is left of it in 32 bits
	runtime.GOMAXPROCS(one<<32 + one)
	if n := runtime.GOMAXPROCS(0); n == runtime.NumCPU() {
		fmt.Println("GOMAXPROCS all")
	} else {
		fmt.Println(n, "of", runtime.NumCPU())
	}
}
