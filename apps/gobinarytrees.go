// Binary trees in Go: the benchmark of the computer language benchmarks game, trees that live and die, one goroutine for each depth.
// apps/binarytrees.c is the same in C.
//
//	gobinarytrees [DEPTH]
//
// smp: 1 4
package main

import (
	"fmt"
	"os"
	"strconv"
)

type tree struct{ left, right *tree }

func bottomUp(depth int) *tree {
	t := &tree{}
	if depth > 0 {
		t.left = bottomUp(depth - 1)
		t.right = bottomUp(depth - 1)
	}
	return t
}

func (t *tree) check() int {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.check() + t.right.check()
}

const least = 4

func main() {
	deepest := 12
	if len(os.Args) > 1 {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil || len(os.Args) > 2 || n < least+2 || n > 30 {
			fmt.Fprintf(os.Stderr, "gobinarytrees: expected [DEPTH], from %d to 30\n", least+2)
			os.Exit(1)
		}
		deepest = n
	}
	fmt.Printf("stretch tree of depth %d\t check: %d\n", deepest+1, bottomUp(deepest+1).check())
	lives := bottomUp(deepest)
	var results []chan string
	for depth := least; depth <= deepest; depth += 2 {
		done := make(chan string, 1)
		results = append(results, done)
		go func(depth int) {
			trees, sum := 1<<uint(deepest-depth+least), 0
			for i := 0; i < trees; i++ {
				sum += bottomUp(depth).check()
			}
			done <- fmt.Sprintf("%d\t trees of depth %d\t check: %d", trees, depth, sum)
		}(depth)
	}
	for _, done := range results {
		fmt.Println(<-done)
	}
	fmt.Printf("long lived tree of depth %d\t check: %d\n", deepest, lives.check())
}
