// What panics, recovers and prints, as Go does it.
//
// status: 2
package main

type T struct {
	a, b *int
	s    string
}

var arr [10]*T

type E struct{}

func (E) Error() string { return "E!" }

// text is what fn panics with.
func text(fn func()) (s string) {
	defer func() {
		switch e := recover().(type) {
		case nil:
			s = "no panic"
		case error:
			s = e.Error()
		case string:
			s = "string " + e
		}
	}()
	fn()
	return
}

func check(name string, fn func(), want string) {
	if got := text(fn); got != want {
		println(name, "expected", want, "got", got)
	} else {
		println(name, "ok")
	}
}

func deep(n int) int {
	var b [100]int
	b[n%100] = n
	if n == 0 {
		panic(E{})
	}
	return deep(n-1) + b[n%100]
}

// recovered at the first of many segments, then down again
func again(n int) (err error) {
	defer func() { err = recover().(error) }()
	deep(n)
	return nil
}

func nested() (r int) {
	defer func() {
		defer func() { r += recover().(int) }()
		panic(recover().(int) * 10)
	}()
	panic(7)
}

type I interface{ M() }

func loop(n int) (sum int) {
	for i := 0; i < n; i++ {
		defer func(k int) { sum += k }(i)
	}
	return 0
}

func main() {
	check("nil", func() { var p *T; println(p.s) }, "runtime error: invalid memory address or nil pointer dereference") // expect: nil ok
	check("nil store", func() { var p *T; p.a = new(int) }, "runtime error: invalid memory address or nil pointer dereference") // expect: nil store ok
	check("nil func", func() { var f func(); f() }, "runtime error: invalid memory address or nil pointer dereference") // expect: nil func ok
	check("nil interface", func() { var i I; i.M() }, "runtime error: invalid memory address or nil pointer dereference") // expect: nil interface ok
	n := len(arr)
	check("index", func() { arr[n] = nil }, "runtime error: index out of range [10] with length 10") // expect: index ok
	check("slice", func() { _ = arr[n : n-1] }, "runtime error: slice bounds out of range [10:9]") // expect: slice ok
	check("divide", func() { println(1 / (n - 10)) }, "runtime error: integer divide by zero") // expect: divide ok
	var c chan int
	check("close nil", func() { close(c) }, "close of nil channel") // expect: close nil ok
	check("send closed", func() { d := make(chan int, 1); close(d); d <- 1 }, "send on closed channel") // expect: send closed ok
	var x interface{} = 5
	check("assert", func() { println(x.(string)) }, "interface conversion: interface {} is int, not string") // expect: assert ok
	check("assert method", func() { println(x.(error)) }, "interface conversion: int is not error: missing method Error") // expect: assert method ok
	check("uncomparable", func() { var y interface{} = []int{}; println(y == y) }, "runtime error: comparing uncomparable type []int") // expect: uncomparable ok
	check("nil map", func() { var m map[string]int; m["a"] = 1 }, "assignment to entry in nil map") // expect: nil map ok
	check("unhashable", func() { m := map[interface{}]int{}; m[func() {}] = 1 }, "runtime error: hash of unhashable type func()") // expect: unhashable ok
	check("makeslice", func() { _ = make([]int, n-11) }, "runtime error: makeslice: len out of range") // expect: makeslice ok
	check("value", func() { panic("v") }, "string v")                                                       // expect: value ok
	check("none", func() {}, "no panic")                                                                    // expect: none ok
	println(again(10).Error(), again(100000).Error(), again(3).Error(), again(100000).Error())              // expect: E! E! E! E!
	println(nested(), loop(10))                                                                             // expect: 70 45
	for i, r := range "aé€\xff" {
		print(i, " ", r, ";") // expect: 0 97;1 233;3 8364;6 65533;
	}
	println()
	s := []int{1, 2, 3}
	for i := 0; i < 100; i++ {
		s = append(s, i)
	}
	println(len(s), cap(s), s[50:60][3], 1.5, -0.001, 3+4i, "a"+string(rune(0x20ac))) // expect: 103 192 50 +1.500000e+000 -1.000000e-003 (+3.000000e+000+4.000000e+000i) a€
	panic(E{})
	// expect: panic: E!
	// expect:
	// expect: goroutine 1 [running]:
	// expect: main.main(...)
	// expect-re: \ttests/go/panics.go:\d+ \+0x[0-9a-f]+
	// expect:
}
