// Functions made by reflection, called at every depth of the stack, with arguments on the stack, and recovering through them.
package main

import (
	"os"
	"reflect"
	"strconv"
)

func make8() func(a, b, c, d, e, f, g, h int, x float64) (int, float64) {
	t := reflect.TypeOf(func(a, b, c, d, e, f, g, h int, x float64) (int, float64) { return 0, 0 })
	return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
		sum := 0
		for _, v := range in[:8] {
			sum += int(v.Int())
		}
		return []reflect.Value{reflect.ValueOf(sum), in[8]}
	}).Interface().(func(a, b, c, d, e, f, g, h int, x float64) (int, float64))
}

func deep(n int, f func(a, b, c, d, e, f, g, h int, x float64) (int, float64)) int {
	var pad [10]int
	pad[n%10] = n
	s, x := f(1, 2, 3, 4, 5, 6, 7, n, float64(n))
	if s != 28+n || x != float64(n) {
		panic("wrong result")
	}
	if n == 0 {
		return 0
	}
	return deep(n-1, f) + pad[n%10] - n + 1
}

func recovered(n int) (s string) {
	defer func() { s = recover().(string) }()
	f := reflect.MakeFunc(reflect.TypeOf(func(int) {}), func(in []reflect.Value) []reflect.Value { panic("thrown through libffi") }).Interface().(func(int))
	var down func(int)
	down = func(k int) {
		if k == 0 {
			f(1)
		}
		down(k - 1)
	}
	down(n)
	return
}

func main() {
	depth := 3000 // an argument, for runs where an instruction takes long (tests/test_trapstep.py), says another one
	if len(os.Args) > 1 {
		depth, _ = strconv.Atoi(os.Args[1])
	}
	done := make(chan int)
	go func() { done <- deep(depth, make8()) }()
	println(<-done)                           // expect: 3000
	println(recovered(3), "/", recovered(depth/6)) // expect: thrown through libffi / thrown through libffi
}
