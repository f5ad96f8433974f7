// A goroutine that only spins does not keep the others from running, on one core. (Stock gccgo's runtime, which takes a goroutine off at calls only, never gets back to
// main: README.)
//
// smp: 1
package main

import "runtime"

func main() {
	runtime.GOMAXPROCS(1)
	spinning := make(chan bool, 1)
	go func() {
		spinning <- true
		for {
		}
	}()
	<-spinning
	c := make(chan int)
	go func() {
		for i := 0; i < 3; i++ {
			c <- i
		}
		close(c)
	}()
	for v := range c {
		println("got", v)
	}
	// expect: got 0
	// expect: got 1
	// expect: got 2
	println("a spinning goroutine did not stop the others") // expect: a spinning goroutine did not stop the others
}
