// Functions that recover and take large values: their wrappers' frames are checked like any other (scripts/go_cc). At every depth of the stack, called and deferred.
package main

import "reflect"

type large [8192]byte

func (l large) method() (sum int) {
	if recover() != nil {
		last = int(l[0]) + int(l[8191])
	}
	return int(l[1])
}

func function(n int, l large, m *int) {
	if recover() != nil {
		*m = n + int(l[8190])
	}
}

type caller interface{ method() int }

var last int

func at(depth int, l large) int {
	if depth > 0 {
		return at(depth-1, l)
	}
	sum := l.method()
	var m int
	func() {
		defer function(5, l, &m)
		panic(1)
	}()
	var c caller = l
	func() {
		defer c.method()
		panic(2)
	}()
	sum += m + last
	last = 0
	func() {
		defer reflect.ValueOf(l).Method(0).Interface().(func() int)()
		panic(3)
	}()
	return sum + last
}

func (l large) Method() int {
	last = 1000
	if recover() == nil {
		last = 2000
	}
	return last
}

// As reflection's caller, not as a deferred call: recovers nothing.
func called() (r interface{}) {
	defer func() { r = recover() }()
	defer func() { reflect.ValueOf(large{}).Method(0).Call(nil) }()
	panic("stays")
}

func main() {
	var l large
	l[0], l[1], l[8190], l[8191] = 1, 10, 100, 2
	for i := 0; i < 200; i++ {
		done := make(chan int)
		go func(i int) { done <- at(i%20, l) }(i)
		if sum := <-done; sum != 10+105+3+1000 {
			println("depth", i%20, "sum", sum)
		}
	}
	println(called().(string), last) // expect: stays 2000
}
