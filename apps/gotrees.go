// Allocation on many goroutines, trees that live and die, maps and pools, while the collector works.
//
// smp: 1 4
package main

import (
	"fmt"
	"runtime"
	"sync"
)

type Node struct {
	left, right *Node
	value       int
}

func build(depth int) *Node {
	if depth == 0 {
		return &Node{value: 1}
	}
	return &Node{build(depth - 1), build(depth - 1), 1}
}

func (n *Node) sum() int {
	if n == nil {
		return 0
	}
	return n.value + n.left.sum() + n.right.sum()
}

func main() {
	keep := build(14)
	var wg sync.WaitGroup
	pool := sync.Pool{New: func() interface{} { return make([]byte, 1000) }}
	for g := 0; g < 8; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			m := map[string]*Node{}
			for i := 0; i < 300; i++ {
				t := build(8)
				m[fmt.Sprint("k", i%50)] = t
				b := pool.Get().([]byte)
				b[i] = byte(i)
				pool.Put(b)
				if t.sum() != 511 {
					panic("a tree has changed")
				}
			}
			for k, t := range m {
				if t.sum() != 511 {
					panic("the tree of " + k + " has changed")
				}
			}
		}(g)
	}
	wg.Wait()
	runtime.GC()
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	fmt.Println(keep.sum(), ms.NumGC > 2, ms.HeapAlloc < 8<<20, ms.Mallocs > 1000000) // expect: 32767 true true true
}
