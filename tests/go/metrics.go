// metrics.go reads runtime/metrics: what MemStats has, and KindBad for the rest, also in a sample that had a value.
// expect: 24 of 29 metrics
// expect: [/gc/heap/allocs-by-size:bytes /gc/heap/frees-by-size:bytes /gc/heap/tiny/allocs:objects /gc/pauses:seconds /sched/latencies:seconds]
// expect: 2 true true true
package main

import (
	"fmt"
	"runtime"
	"runtime/metrics"
)

var kept [][]byte

func read(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func main() {
	all := metrics.All()
	samples := make([]metrics.Sample, len(all))
	for i := range all {
		samples[i].Name = all[i].Name
	}
	metrics.Read(samples)
	known, bad := 0, []string{}
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			known++
		} else {
			bad = append(bad, s.Name)
		}
	}
	fmt.Println(known, "of", len(all), "metrics")
	fmt.Println(bad)
	go func() { select {} }()
	before := read("/gc/heap/allocs:bytes")
	for i := 0; i < 100; i++ {
		kept = append(kept, make([]byte, 10000))
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	grown := read("/gc/heap/allocs:bytes") - before
	fmt.Println(read("/sched/goroutines:goroutines"), grown >= 1000000 && grown < 1300000, read("/memory/classes/total:bytes") >= m.HeapAlloc, read("/gc/cycles/forced:gc-cycles") >= 1)
}
