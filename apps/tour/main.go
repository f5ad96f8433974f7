// The tour of the runtime: tour.c and its neighbours in C show most of it, escape.go what the compiler of Go decides.
//
// smp: 1 5
// mem: 1G
// timeout: 240
// contains: All other claims hold
// contains: fatal error: stack overflow
package main

import "os"

//extern tour
func tour(slow, last, fail bool)

func main() {
	word := func(w string) bool {
		for _, a := range os.Args[1:] {
			if a == w {
				return true
			}
		}
		return false
	}
	tour(word("slow"), word("last"), word("fail"))
}
