// landings.go -- what a function has in registers when it calls is there when it goes on after a recover, whatever the functions in between saved: at every depth of the stack,
// through frames of many kinds, again and again.
// expect: 240 landings
package main

import "fmt"

type values [8]uint64

//go:noinline
func opaque(x uint64) uint64 { return x*2862933555777941757 + 3037000493 }

// Frames between the panic and the landing, each with other registers in use.
//
//go:noinline
func few(n int, x uint64) uint64 {
	if n == 0 {
		panic(x)
	}
	return few(n-1, x) + 1
}

//go:noinline
func many(n int, a, b, c, d, e uint64) uint64 {
	if n == 0 {
		return few(3, a^b^c^d^e)
	}
	v := many(n-1, opaque(a), opaque(b), opaque(c), opaque(d), opaque(e))
	return v + a + b + c + d + e
}

//go:noinline
func large(n int, x uint64) uint64 {
	var room [40]uint64
	for i := range room {
		room[i] = opaque(x + uint64(i))
	}
	v := many(n, room[1], room[2], room[3], room[4], room[5])
	return v + room[n&31]
}

//go:noinline
func between(kind int, x uint64) uint64 {
	switch kind {
	case 0:
		panic(x)
	case 1:
		return few(kind, x)
	case 2:
		return many(2, x, x+1, x+2, x+3, x+4)
	case 3:
		return large(1, x)
	case 4:
		var p *values
		return p[x&7] // a fault
	default:
		defer func() { panic(recover()) }()
		return between(kind-3, x)
	}
}

var landings int

// The named result is set by the deferred call, the parameters and locals are used after it.
//
//go:noinline
func lands(kind int, a, b, c, d uint64) (r uint64) {
	e, f, g, h := opaque(a), opaque(b), opaque(c), opaque(d)
	func() {
		defer func() {
			if recover() != nil {
				landings++
			}
		}()
		between(kind, a+b)
	}()
	return a ^ b<<1 ^ c<<2 ^ d<<3 ^ e<<4 ^ f<<5 ^ g<<6 ^ h<<7
}

//go:noinline
func at(depth, kind int, a uint64) uint64 {
	if depth > 0 {
		return at(depth-1, kind, a) ^ 1
	}
	b, c, d := opaque(a), a+7, a+9
	want := a ^ b<<1 ^ c<<2 ^ d<<3 ^ opaque(a)<<4 ^ opaque(b)<<5 ^ opaque(c)<<6 ^ opaque(d)<<7
	if got := lands(kind, a, b, c, d); got != want {
		panic(fmt.Sprint("kind ", kind, ": expected ", want, ", got ", got))
	}
	return a
}

func main() {
	for depth := 0; depth < 40; depth++ {
		for kind := 0; kind < 6; kind++ {
			at(depth, kind, uint64(depth*10+kind))
		}
	}
	fmt.Println(landings, "landings")
}
