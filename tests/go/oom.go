// oom.go -- everything in Go that asks for memory, each result checked: what fails (GODEBUG=oomat) is made up for, or ends the program with the one report.
// (tests/test_oom.py.)
//
// args: GODEBUG=oomat=1000000000
// expect: oom: passed
package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"time"
)

type tree struct {
	left, right *tree
	name        string
}

func grow(depth int) *tree {
	if depth == 0 {
		return &tree{name: "leaf"}
	}
	return &tree{grow(depth - 1), grow(depth - 1), fmt.Sprint(depth)}
}

func (t *tree) count() int {
	if t == nil {
		return 0
	}
	return t.left.count() + 1 + t.right.count()
}

func expect(what string, got, want interface{}) {
	if !reflect.DeepEqual(got, want) {
		fmt.Printf("%s: expected %v, got %v\n", what, want, got)
		os.Exit(1)
	}
}

func collections() {
	m := make(map[string][]int)
	for i := 0; i < 300; i++ {
		key := fmt.Sprint("key", i%70)
		m[key] = append(m[key], i)
	}
	sum := 0
	for key, list := range m {
		sum += len(list)
		delete(m, key)
	}
	expect("a map's lists", sum, 300)
	expect("what is left", len(m), 0)
	by := map[interface{}]int{1: 1, "one": 2, [2]int{1, 2}: 3}
	expect("keys of several types", by[[2]int{1, 2}], 3)
	parts := strings.Split(strings.Repeat("a,b;", 200), ";")
	sort.Strings(parts)
	expect("parts", len(strings.Join(parts, "-")+string([]byte(parts[9]))+string([]rune("ä"))), 201*3+200-3+3+2)
	expect("bytes", len(make([]byte, 100000)), 100000)
	expect("a tree", grow(8).count(), 511)
}

func deep(n int) int {
	var room [200]byte
	if n == 0 {
		return len(room)
	}
	room[n%200] = 1
	return deep(n-1) + int(room[n%200])
}

func goroutines() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	numbers, results := make(chan int, 3), make(chan string)
	for w := 0; w < 5; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range numbers {
				select {
				case results <- fmt.Sprint(n + deep(n)):
				case <-time.After(time.Minute):
					panic("nobody takes it")
				}
			}
		}()
	}
	go func() {
		for i := 0; i < 40; i++ {
			numbers <- i
		}
		close(numbers)
		wg.Wait()
		close(results)
	}()
	n := 0
	for range results {
		mu.Lock()
		n++
		mu.Unlock()
	}
	expect("results", n, 40)
	pool := sync.Pool{New: func() interface{} { return new([64]int) }}
	pool.Put(pool.Get())
	var once sync.Once
	once.Do(func() { n++ })
	fired := make(chan bool)
	t := time.AfterFunc(time.Microsecond, func() { fired <- true })
	expect("a timer", <-fired, true)
	t.Stop()
}

func ends() (err error) {
	defer func() { err = fmt.Errorf("%w, and %v", err, recover()) }()
	for i := 0; i < 30; i++ { // in a loop: on the heap
		defer func(i int) { _ = fmt.Sprint(i) }(i)
	}
	err = errors.New("before")
	var none *tree
	none.name = "nil"
	return nil
}

func main() {
	for i := 0; i < 3; i++ {
		collections()
		goroutines()
		expect("a fault", ends().Error(), "before, and runtime error: invalid memory address or nil pointer dereference")
		for j := 0; j < 20; j++ {
			runtime.SetFinalizer(grow(1), func(t *tree) { t.name += "!" })
		}
		runtime.GC()
		debug.FreeOSMemory()
		call := reflect.MakeFunc(reflect.TypeOf(strings.ToUpper), func(in []reflect.Value) []reflect.Value {
			return []reflect.Value{reflect.ValueOf(in[0].String() + "?")}
		}).Interface().(func(string) string)
		expect("a made function", call("what"), "what?")
	}
	fmt.Println("oom: passed")
}
