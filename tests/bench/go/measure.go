package main

import (
	"fmt"
	"runtime"
	"sort"
	"time"
)

var (
	budget  = 100 * time.Millisecond // for one measurement, all repetitions together
	reps    = 3
	scale   = 100 // percent of the jobs of fixed size
	parkedN = 0
	heapMiB = 0
)

var began = time.Now()

// now is the one clock of all measurements: monotonic.
func now() time.Duration { return time.Since(began) }

func emit(name string, v float64, unit string) { fmt.Printf("%s\t%.1f\t%s\n", name, v, unit) }

func emitSpread(name string, v []float64, unit string) {
	sort.Float64s(v)
	fmt.Printf("%s\t%.3f\t%s\t%.3f\t%.3f\n", name, v[len(v)/2], unit, v[0], v[len(v)-1])
}

// perOp finds n so that one repetition of f(n), n operations, lasts its part of the budget, then reports the median time of one. Each
// repetition begins with a collection.
func perOp(name string, f func(n int)) { perOpFrom(name, 1, f) }

func perOpFrom(name string, n int, f func(n int)) {
	want := budget / time.Duration(reps)
	for {
		d := run(n, f)
		if d >= want/2 || n >= 1<<30 {
			n = int(float64(n)*float64(want)/float64(d+1)) + 1
			break
		}
		if d < time.Microsecond {
			d = time.Microsecond
		}
		m := int(float64(n) * float64(want) / float64(d))
		if m > 50*n {
			m = 50 * n
		}
		if m <= n {
			m = n + 1
		}
		n = m
	}
	v := make([]float64, reps)
	for i := range v {
		v[i] = float64(run(n, f)) / float64(n)
	}
	emitSpread(name, v, "ns/op")
}

func run(n int, f func(n int)) time.Duration {
	runtime.GC()
	s := now()
	f(n)
	return now() - s
}

// once does a job of fixed size k times and reports the median in ms.
func once(name string, k int, f func()) {
	v := make([]float64, k)
	for i := range v {
		v[i] = float64(run(1, func(int) { f() })) / 1e6
	}
	emitSpread(name, v, "ms")
}

// random is xorshift64*, as in the programs in C.
type random uint64

func (r *random) next() uint64 {
	x := uint64(*r)
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	*r = random(x)
	return x * 2685821657736338717
}

// quantiles reports p50, p99 and the largest of what it sorts.
func quantiles(name string, v []float64, unit string) {
	if len(v) == 0 {
		return
	}
	sort.Float64s(v)
	emit(name+".p50", v[len(v)/2], unit)
	emit(name+".p99", v[len(v)*99/100], unit)
	emit(name+".max", v[len(v)-1], unit)
}
