// How programs end: one case for each argument. tests/test_go_endings.py has the texts, which are those of Go 1.19 (src/runtime/panic.go, error.go, proc.go).
//
// judged by: tests/test_go_endings.py
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

type number int
type word string
type flag bool
type real float64
type pair complex128
type point struct{ x, y int }
type failure struct{ code int }

func (f *failure) Error() string { return fmt.Sprintf("failure %d\nsecond line", f.code) }

type speaker struct{}

func (speaker) String() string { return "spoken" }

type bad struct{}

func (bad) Error() string { panic("worse") }

type shape interface{ area() int }
type (
	named   *point
	renamed *point
)

//go:noinline
func finalizer(f interface{}) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Println("recovered", r)
		}
	}()
	runtime.SetFinalizer(&point{1, 2}, f)
}

var (
	zero    int
	slice   = []int{1, 2, 3}
	table   map[string]int
	nothing *point
	channel chan int
)

//go:noinline
func first(p *point) int { return p.x }

//go:noinline
func second(p *point) int { return p.y }

// survive recovers from a fault of its own.
func survive() {
	defer func() { recover() }()
	zero += first(nothing)
}

//go:noinline
func deep(n int) int {
	var pad [100]int
	pad[n%100] = n
	return deep(n+1) + pad[(n+1)%100]
}

func repanic() {
	defer func() {
		panic(fmt.Sprint("again ", recover()))
	}()
	panic("first")
}

func nestedPanics() {
	defer func() {
		defer func() {
			panic("third")
		}()
		panic("second")
	}()
	panic("first")
}

// What changes only the value of an entry that is there.
func update(m map[int]int) {
	for i := 0; ; i++ {
		m[1] = i
	}
}

var read int

func write(m map[int]int, from int) {
	for i := 0; ; i++ {
		m[from+i] = i
		if i&0xffff == 0xffff {
			for k := range m {
				delete(m, k)
			}
		}
	}
}

//go:noinline
func outer(all bool) string {
	buf := make([]byte, 1<<16)
	return string(buf[:runtime.Stack(buf, all)])
}

//go:noinline
func waiting(c chan int, ready *sync.WaitGroup) {
	ready.Done()
	<-c
}

var cases = map[string]func(){
	"nil":           func() { panic(nil) },
	"int":           func() { panic(42) },
	"negative":      func() { panic(int8(-5)) },
	"float":         func() { panic(1.5) },
	"complex":       func() { panic(1 + 2i) },
	"bool":          func() { panic(true) },
	"string":        func() { panic("a text") },
	"number":        func() { panic(number(7)) },
	"word":          func() { panic(word("w")) },
	"flag":          func() { panic(flag(true)) },
	"real":          func() { panic(real(2)) },
	"pair":          func() { panic(pair(1i)) },
	"struct":        func() { panic(point{1, 2}) },
	"pointer":       func() { panic(&point{1, 2}) },
	"error":         func() { panic(errors.New("an error")) },
	"custom":        func() { panic(&failure{3}) },
	"stringer":      func() { panic(speaker{}) },
	"bad":           func() { panic(bad{}) },
	"wrapped":       func() { panic(fmt.Errorf("outer: %w", os.ErrNotExist)) },
	"nilaccess":     func() { fmt.Println(nothing.y) },
	"nilcall":       func() { var f func(); f() },
	"nilinterface":  func() { var s shape; s.area() },
	"divide":        func() { fmt.Println(1 / zero) },
	"index":         func() { fmt.Println(slice[len(slice)+zero]) },
	"negindex":      func() { fmt.Println(slice[zero-1]) },
	"slice":         func() { fmt.Println(slice[2 : 1+zero]) },
	"cap":           func() { fmt.Println(slice[: 5+zero : 5]) },
	"stringindex":   func() { fmt.Println("abc"[3+zero]) },
	"array":         func() { fmt.Println(*(*[4]int)(slice)) },
	"nilmap":        func() { table["a"] = 1 },
	"closenil":      func() { close(channel) },
	"closeclosed":   func() { c := make(chan int); close(c); close(c) },
	"sendclosed":    func() { c := make(chan int); close(c); c <- 1 },
	"assert":        func() { var v interface{} = 1; fmt.Println(v.(string)) },
	"assertnil":     func() { var v interface{}; fmt.Println(v.(string)) },
	"assertmethod":  func() { var v interface{} = 1; fmt.Println(v.(shape)) },
	"unhashable":    func() { m := map[interface{}]int{}; m[slice] = 1 },
	"uncomparable":  func() { var v interface{} = slice; fmt.Println(v == v) },
	"finalnil":      func() { runtime.SetFinalizer(nil, func(*point) {}) },
	"finalvalue":    func() { runtime.SetFinalizer(point{}, func(point) {}) },
	"finalnofunc":   func() { runtime.SetFinalizer(&point{}, 5) },
	"finaltwo":      func() { finalizer(func(a, b *point) {}) },
	"finaldots":     func() { finalizer(func(...*point) {}) },
	"finalother":    func() { finalizer(func(*failure) {}) },
	"finalnamed":    func() { runtime.SetFinalizer(named(&point{}), func(renamed) {}) },
	"finalmethod":   func() { finalizer(func(shape) {}) },
	"finaltwice":    func() { p := &point{}; runtime.SetFinalizer(p, func(*point) {}); runtime.SetFinalizer(p, func(*point) {}) },
	"finalfits": func() {
		done := make(chan string, 7)
		finalizer(func(p *point) { done <- fmt.Sprint("*point ", *p) })
		finalizer(func(p named) { done <- fmt.Sprint("named ", *p) })
		finalizer(func(p interface{}) { done <- fmt.Sprint("interface ", *p.(*point)) })
		runtime.SetFinalizer(&failure{7}, func(e error) { done <- fmt.Sprint("error ", e.(*failure).code) })
		// Results that registers can hold, and two kinds that they cannot.
		finalizer(func(p *point) (a, b int64) { done <- fmt.Sprint("two ", *p); return 1, 2 })
		finalizer(func(p *point) (a, b, c int64) { done <- fmt.Sprint("three ", *p); return 1, 2, 3 })
		finalizer(func(p *point) (a int8, b int64, c int8) { done <- fmt.Sprint("apart ", *p); return 1, 2, 3 })
		seen := []string{}
		for len(seen) < 7 {
			runtime.GC()
			select {
			case s := <-done:
				seen = append(seen, s)
			case <-time.After(time.Millisecond):
			}
		}
		sort.Strings(seen)
		fmt.Println(seen)
	},
	"shift":         func() { fmt.Println(1 << (zero - 1)) },
	"makeslice":     func() { fmt.Println(make([]int, zero-1)) },
	"makechan":      func() { fmt.Println(make(chan int, zero-1)) },
	"repanic":       repanic,
	"faultsurvived": func() { defer survive(); zero += second(nothing) },
	"textsurvived":  func() { defer survive(); panic("a text") },
	"survivedtext":  func() { survive(); panic("a text") },
	"faulttext":     func() { defer func() { panic(fmt.Sprint("again: ", recover() != nil)) }(); zero += second(nothing) },
	"nested":        nestedPanics,
	"goexit":        func() { runtime.Goexit() },
	"goexitothers":  func() { go func() { time.Sleep(5 * time.Millisecond) }(); runtime.Goexit() },
	"goexitblocked": func() { go func() { select {} }(); runtime.Goexit() },
	"deadlock":      func() { <-make(chan int) },
	"nilreceive":    func() { <-channel },
	"lock":          func() { var m sync.Mutex; m.Lock(); m.Lock() },
	"unlock":        func() { var m sync.Mutex; m.Unlock() },
	"rwunlock":      func() { var m sync.RWMutex; m.RUnlock() },
	"negativegroup": func() { var w sync.WaitGroup; w.Done() },
	"overflow":      func() { debug.SetMaxStack(16 << 20); deep(0) },
	"gonil":         func() { var f func(); go f() },
	"mapwrites": func() {
		m := map[int]int{}
		go write(m, 0)
		go write(m, 0)
		write(m, 0)
	},
	"mapupdates": func() {
		m := map[int]int{1: 1}
		go update(m)
		update(m)
	},
	"mapupdateread": func() {
		m := map[int]int{1: 1}
		go update(m)
		for {
			read += m[1]
		}
	},
	"mapupdateiterate": func() {
		m := map[int]int{1: 1}
		go update(m)
		for {
			for k := range m {
				read += k
			}
		}
	},
	"goroutine": func() {
		done := make(chan int)
		go func() { var p *point; p.x = 1; done <- 1 }()
		<-done
	},
	"onfault": func() {
		fmt.Println(debug.SetPanicOnFault(true), debug.SetPanicOnFault(true))
		func() {
			defer func() {
				err := recover().(runtime.Error)
				fmt.Printf("%v %#x\n", err, err.(interface{ Addr() uintptr }).Addr())
			}()
			*(*byte)(unsafe.Pointer(uintptr(0x5555deadb000))) = 1
		}()
		go func() { fmt.Println(debug.SetPanicOnFault(false)); os.Exit(0) }() // each goroutine has its own
		select {}
	},
	"assertempty": func() {
		var w fmt.Stringer = speaker{}
		v := w.(interface{}) // its type is speaker, not a method table
		_, is := v.(speaker)
		fmt.Println(is, v == interface{}(w), v)
		os.Exit(0)
	},
	"exit3":      func() { defer fmt.Println("not seen"); os.Exit(3) },
	"traceback":  func() { debug.SetTraceback("all"); go func() { select {} }(); runtime.Gosched(); panic("all of them") },
	"none":       func() { debug.SetTraceback("none"); panic("no trace") },
	"breakpoint": func() { runtime.Breakpoint() },
	"terminated": func() { syscall.Kill(os.Getpid(), syscall.SIGTERM) },
	"stack": func() {
		fmt.Print(outer(false))
		fmt.Println("--")
		debug.PrintStack()
		os.Exit(0)
	},
	"stackall": func() {
		var ready sync.WaitGroup
		c := make(chan int)
		for i := 0; i < 3; i++ {
			ready.Add(1)
			go waiting(c, &ready)
		}
		go func() {
			for {
			}
		}()
		ready.Wait()
		time.Sleep(10 * time.Millisecond)
		s := outer(true)
		fmt.Print(s)
		short := make([]byte, 30)
		fmt.Println(runtime.Stack(short, true), string(short[:23]) == s[:23], strings.Count(s, "\n\n"))
		os.Exit(0)
	},
	"callers": func() {
		pcs := make([]uintptr, 10)
		n := runtime.Callers(1, pcs)
		frames := runtime.CallersFrames(pcs[:n])
		for {
			f, more := frames.Next()
			fmt.Println(f.Function, f.File, f.Line > 0)
			if !more {
				break
			}
		}
		os.Exit(0)
	},
}

func main() {
	run := cases[strings.Join(os.Args[1:], " ")]
	if run == nil {
		panic("no such case")
	}
	run()
	fmt.Println("came back")
}
