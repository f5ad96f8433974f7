// Packages of a program's own: a module path, packages in directories, internal and vendored ones, order of initialisation, files chosen by
// constraints, tests left out, embedded files, package burrow.
// smp: 1 4
package main

import (
	"burrow"
	"embed"
	"fmt"

	"burrow.example/modules/area"
	"burrow.example/modules/shapes"
	"example.org/dep"
)

//go:embed texts/*.txt
var texts embed.FS

//go:embed texts/one.txt
var one string

var order = area.Order + ", main's variables"

func init() { order += ", main's init" }

func main() {
	fmt.Println(order)                           // expect: unit, shapes, area, main's variables, main's init
	fmt.Println(area.Of(shapes.Square{Side: 3})) // expect: 9 units (linux)
	fmt.Println(dep.Answer)                      // expect: 42
	fmt.Print(one)                               // expect: text one
	names, err := texts.ReadDir("texts")
	two, _ := texts.ReadFile("texts/two.txt")
	fmt.Print(len(names), " ", err, " ", string(two)) // expect: 2 <nil> text two
	scheduling()
}

func check(ok bool, what string) {
	if !ok {
		panic(what)
	}
}

// expect: scheduling: ok
func scheduling() {
	cores := burrow.Cores()
	done := make(chan int)
	for core := 0; core < cores; core++ {
		go func(core int) {
			check(burrow.Pin(core), "Pin")
			for i := 0; i < 100; i++ {
				check(burrow.Core() == core, "a pinned goroutine is on another core")
				if i%10 == 0 {
					done <- -1 // parks
				}
			}
			burrow.Unpin()
			done <- core
		}(core)
	}
	for left := cores; left > 0; {
		if <-done >= 0 {
			left--
		}
	}
	check(!burrow.Pin(cores) && !burrow.Pin(-1), "Pin to a core that is not there")
	check(burrow.SetPriority(burrow.High) == burrow.Normal, "first priority")
	check(burrow.SetPriority(burrow.Normal) == burrow.High, "second priority")
	func() {
		defer func() { check(recover() != nil, "a priority that is none") }()
		burrow.SetPriority(3)
	}()
	slice := burrow.SetSlice(0)
	check(burrow.SetSlice(2*slice) == slice && burrow.SetSlice(slice) == 2*slice, "SetSlice")
	check(burrow.GoroutineID() == 1, "GoroutineID")
	// On one core there is none to give away.
	check(burrow.OwnCore(true) == (cores > 1), "OwnCore")
	sum := 0
	for i := 0; i < 10; i++ {
		go func(i int) { done <- i }(i)
	}
	for i := 0; i < 10; i++ {
		sum += <-done
	}
	check(sum == 45, "others do not run beside a goroutine that has a core of its own")
	check(burrow.OwnCore(false), "OwnCore(false)")
	fmt.Println("scheduling: ok")
}
