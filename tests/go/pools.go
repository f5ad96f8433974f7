// pools.go -- sync.Pool keeps its goroutine on its core while it makes its lists, although that allocates, and the collector, GOMAXPROCS or both come in between.
// args: GODEBUG=gcstress=7
// smp: 4
// expect: 4 workers, all values in order
package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

const rounds = 300

func main() {
	var stop int32
	changed := make(chan bool)
	go func() {
		for i := 0; atomic.LoadInt32(&stop) == 0; i++ {
			runtime.GOMAXPROCS(1 + i%4)
			runtime.Gosched()
		}
		close(changed)
	}()
	var workers sync.WaitGroup
	var wrong int32
	for w := 0; w < 4; w++ {
		workers.Add(1)
		go func(w int) {
			defer workers.Done()
			for i := 0; i < rounds; i++ {
				pool := sync.Pool{New: func() interface{} { return new([4]int) }} // its first Get makes a list for each core
				a := pool.Get().(*[4]int)
				a[0] = w*rounds + i
				pool.Put(a)
				b := pool.Get().(*[4]int)
				if b == a && b[0] != w*rounds+i {
					atomic.AddInt32(&wrong, 1)
				}
			}
		}(w)
	}
	workers.Wait()
	atomic.StoreInt32(&stop, 1)
	<-changed
	if wrong != 0 {
		fmt.Println(wrong, "values were somebody else's")
		return
	}
	fmt.Println("4 workers, all values in order")
}
