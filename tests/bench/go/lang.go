package main

// Maps, and what the runtime does for the language: as lang.c one directory above.

import (
	"strconv"
	"sync"
	"time"
)

func maps() {
	const k = 65536
	byInt, byString := make(map[uint64]uint64), make(map[string]uint64)
	ints, strings := make([]uint64, k), make([]string, k)
	r := random(3)
	for i := range ints {
		ints[i] = r.next()
		strings[i] = "key-" + strconv.FormatUint(ints[i], 16)
		byInt[ints[i]], byString[strings[i]] = uint64(i), uint64(i)
	}
	million := 1000000 * scale / 100
	once("map.int.insert."+strconv.Itoa(million/1000)+"k", 3, func() {
		m := make(map[uint64]uint64)
		r := random(3)
		for i := 0; i < million; i++ {
			m[r.next()] = uint64(i)
		}
		sink += uint64(len(m))
	})
	perOp("map.int.lookup64k", func(n int) {
		for i := 0; i < n; i++ {
			sink += byInt[ints[i*40503&(k-1)]]
		}
	})
	perOp("map.str.lookup64k", func(n int) {
		for i := 0; i < n; i++ {
			sink += byString[strings[i*40503&(k-1)]]
		}
	})
	perOp("map.int.insdel", func(n int) {
		for i := 0; i < n; i++ {
			byInt[ints[i&(k-1)]+1] = 1
			delete(byInt, ints[i&(k-1)]+1)
		}
	})
	perOpFrom("map.int.insert64k", k, func(n int) {
		for n > 0 {
			m := make(map[uint64]uint64)
			for i := 0; i < k && n > 0; i++ {
				m[ints[i]] = 1
				n--
			}
			sink += uint64(len(m))
		}
	})
	perOpFrom("map.str.insert64k", k, func(n int) {
		for n > 0 {
			m := make(map[string]uint64)
			for i := 0; i < k && n > 0; i++ {
				m[strings[i]] = uint64(i)
				n--
			}
			sink += uint64(len(m))
		}
	})
	perOpFrom("map.int.iterate", k, func(n int) {
		for n > 0 {
			for _, v := range byInt {
				sink += v
				n--
				if n == 0 {
					break
				}
			}
		}
	})
}

//go:noinline
func deferred(p *uint64) {
	defer func() { *p++ }()
	*p += 2
}

//go:noinline
func recovered(n int) (r int) {
	defer func() { r = recover().(int) }()
	panic(n)
}

type adder interface{ add(int) int }
type plus struct{ v int }
type minus struct{ v int }

//go:noinline
func (a *plus) add(x int) int { return x + a.v }

//go:noinline
func (a *minus) add(x int) int { return x - a.v }

func language() {
	perOp("lang.defer", func(n int) {
		for ; n > 0; n-- {
			deferred(&sink)
		}
	})
	perOp("lang.panic_recover", func(n int) {
		for ; n > 0; n-- {
			sink += uint64(recovered(n & 127))
		}
	})
	of := [2]adder{&plus{1}, &minus{2}}
	perOp("lang.ifacecall", func(n int) {
		s := 0
		for ; n > 0; n-- {
			s = of[n&1].add(s)
		}
		sink += uint64(s)
	})
	pool := sync.Pool{New: func() interface{} { return new([256]byte) }}
	perOp("lang.pool", func(n int) {
		for ; n > 0; n-- {
			x := pool.Get().(*[256]byte)
			x[0]++
			pool.Put(x)
		}
	})
	perOp("lang.time_now", func(n int) {
		for ; n > 0; n-- {
			sink += uint64(time.Since(began))
		}
	})
}
