// Functions whose names are not of ASCII letters alone, and what traces, profiles and runtime call them.
//
// judged by: tests/test_go_profiles.py
// boot: none
// hosted: no (it ends by a panic)
package main

import "runtime"

type größe struct{ n int }

//go:noinline
func (g *größe) läuft() int {
	pc, _, _, _ := runtime.Caller(0)
	println(runtime.FuncForPC(pc).Name())
	if g.n == 0 {
		panic("ende")
	}
	return g.n + 1
}

//go:noinline
func 世界(g *größe) int { return g.läuft() + 1 }

//go:noinline
func 𝔸_x(g *größe) int { return 世界(g) + 1 }

func main() { println(𝔸_x(&größe{})) }
