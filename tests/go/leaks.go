// leaks.go: goroutines that wait for ever, each for its own channel, begun by main itself in a program with fmt. judged by: tests/test_leak.py
package main

import (
	"fmt"
	"time"
)

func stuck(c chan int) { <-c }

func main() {
	for i := 0; i < 20; i++ {
		go stuck(make(chan int))
	}
	time.Sleep(20 * time.Millisecond)
	fmt.Println("end")
}
