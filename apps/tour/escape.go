package main

import "unsafe"

// Where a value lies, and whether that is where it must.
//
//go:noescape
//extern landed_go
func landed(what string, p unsafe.Pointer, heap bool)

// The compiler's words about the line with the mark of this name (scripts/tour_files).
//
//extern decided
func decided(name string)

type point struct{ x, y int }

//go:noinline
func outlives() *point {
	v := point{1, 2} // @outlives
	return &v
}

//go:noinline
func stays() int {
	v := point{3, 4} // @stays
	landed("a variable that dies with its function", unsafe.Pointer(&v), false)
	return v.x
}

//go:noinline
func tooLarge() int {
	v := new([1 << 20]byte) // @large
	landed("a megabyte", unsafe.Pointer(v), true)
	return len(v)
}

//go:noinline
func sizeKnown() int {
	v := make([]int, 10) // @known
	landed("ten ints", unsafe.Pointer(&v[0]), false)
	return len(v)
}

//go:noinline
func sizeUnknown(n int) int {
	v := make([]int, n) // @unknown
	landed("n ints", unsafe.Pointer(&v[0]), true)
	return len(v)
}

var any interface{}

//go:noinline
func boxed(v point) {
	any = v // @boxed
}

//go:noinline
func captured() int {
	count := 0 // @captured
	done := make(chan bool)
	go func() {
		count++
		done <- true
	}()
	<-done
	landed("the variable", unsafe.Pointer(&count), true)
	landed("the channel", *(*unsafe.Pointer)(unsafe.Pointer(&done)), true)
	return count
}

var entries map[string]int

//go:noinline
func backing(n int) {
	entries = map[string]int{"burrow": n} // @map
	landed("the map", *(*unsafe.Pointer)(unsafe.Pointer(&entries)), true)
}

// EscapeClaims is called by C's part of the tour.
func EscapeClaims() {
	decided("outlives")
	landed("the variable", unsafe.Pointer(outlives()), true)
	decided("stays")
	stays()
	decided("large")
	tooLarge()
	decided("unknown")
	sizeUnknown(10)
	decided("known")
	sizeKnown()
	decided("captured")
	captured()
	decided("boxed")
	boxed(point{5, 6})
	landed("the copy in the interface variable", (*[2]unsafe.Pointer)(unsafe.Pointer(&any))[1], true)
	decided("map")
	backing(1)
}
