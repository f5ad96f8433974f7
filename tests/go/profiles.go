// profiles.go takes its own profiles with runtime/pprof; tests/test_go_profiles.py knows what must be in them.
// judged by: tests/test_go_profiles.py
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

// show prints a profile for the test to read.
func show(name string, data []byte) {
	fmt.Printf("BEGIN %s\n%s\nEND\n", name, base64.StdEncoding.EncodeToString(data))
}

func look(name string, debug int) {
	var b bytes.Buffer
	if err := pprof.Lookup(name).WriteTo(&b, debug); err != nil {
		fmt.Println("error:", err)
	}
	show(fmt.Sprint(name, debug), b.Bytes())
}

var sink uint64

//go:noinline
func hot(n int) {
	for i := 0; i < n; i++ {
		sink = sink*6364136223846793005 + 1
	}
}

//go:noinline
func warm(n int) {
	for i := 0; i < n; i++ {
		sink = sink*6364136223846793005 + 3
	}
}

//go:noinline
func burn(n int) {
	for ; n > 0; n-- {
		hot(30000)
		warm(10000)
	}
}

// Turns of burn that take half a second or so, of a machine that is quick and has nothing else to do. A fixed amount of work makes as many samples on others, or more.
const turns = 4000

func cpu() {
	burn(turns / 10) // before: not in it
	for i := 0; i < 2; i++ {
		var b bytes.Buffer
		if err := pprof.StartCPUProfile(&b); err != nil {
			fmt.Println("error:", err)
		}
		if err := pprof.StartCPUProfile(&b); err != nil {
			fmt.Println("second:", err)
		}
		burn(3 * turns) // a machine that is busy otherwise may miss most of its ticks
		pprof.StopCPUProfile()
		burn(turns / 10)
		show(fmt.Sprint("cpu", i), b.Bytes())
	}
}

// Labels: of the goroutine that has them, of those that it starts meanwhile, of nobody else. New ones all the time, and the collector runs: those that are in samples stay.
func labels() {
	var b bytes.Buffer
	var all sync.WaitGroup
	if err := pprof.StartCPUProfile(&b); err != nil {
		fmt.Println("error:", err)
	}
	for i := 0; i < 40; i++ {
		pprof.Do(context.Background(), pprof.Labels("turn", fmt.Sprint("turn ", i), "kind", "hot"), func(ctx context.Context) {
			all.Add(1)
			go func() { hot(work / 40); all.Done() }()
			all.Wait()
			pprof.Do(ctx, pprof.Labels("kind", "warm"), func(context.Context) { warm(work / 40) })
			runtime.GC()
			litter()
		})
		cold(work / 40)
	}
	pprof.StopCPUProfile()
	show("labels0", b.Bytes())

	stop := make(chan int)
	for i := 0; i < 3; i++ {
		pprof.Do(context.Background(), pprof.Labels("number", fmt.Sprint(i/2)), func(context.Context) { go waitHere(stop) })
	}
	go waitHere(stop)
	for runtime.NumGoroutine() < 5 {
		runtime.Gosched()
	}
	time.Sleep(50 * time.Millisecond)
	look("goroutine", 0)
	look("goroutine", 1)
}

const work = 200_000_000 // iterations

//go:noinline
func cold(n int) {
	for i := 0; i < n; i++ {
		sink = sink*6364136223846793005 + 5
	}
}

var pieces [64]map[string]string

func litter() {
	for i := 0; i < 2000; i++ {
		pieces[i%64] = map[string]string{"turn": "nobody's"}
	}
}

var kept [][]byte
var wasted []byte

//go:noinline
func keep() {
	for i := 0; i < 4096; i++ {
		kept = append(kept, make([]byte, 1024))
	}
}

//go:noinline
func waste() {
	for i := 0; i < 16384; i++ {
		wasted = make([]byte, 1024)
	}
	wasted = nil
}

func heap() {
	runtime.MemProfileRate = 4096
	keep()
	waste()
	runtime.GC()
	var b bytes.Buffer
	if err := pprof.WriteHeapProfile(&b); err != nil {
		fmt.Println("error:", err)
	}
	show("heap0", b.Bytes())
	look("heap", 1)
	look("allocs", 0)
}

//go:noinline
func waitHere(c chan int) { <-c }

//go:noinline
func waitThere(m *sync.Mutex) { m.Lock() }

func goroutines() {
	c, m := make(chan int), new(sync.Mutex)
	m.Lock()
	for i := 0; i < 10; i++ {
		go waitHere(c)
	}
	for i := 0; i < 5; i++ {
		go waitThere(m)
	}
	time.Sleep(50 * time.Millisecond)
	for debug := 0; debug < 3; debug++ {
		look("goroutine", debug)
	}
	look("threadcreate", 1)
}

//go:noinline
func hold(m *sync.Mutex) {
	m.Lock()
	time.Sleep(2 * time.Millisecond)
	m.Unlock()
}

func mutex() {
	var m sync.Mutex
	var all sync.WaitGroup
	fmt.Println("before:", runtime.SetMutexProfileFraction(1))
	for i := 0; i < 4; i++ {
		all.Add(1)
		go func() {
			for i := 0; i < 10; i++ {
				hold(&m)
			}
			all.Done()
		}()
	}
	all.Wait()
	look("mutex", 0)
	look("mutex", 1)
	fmt.Println("after:", runtime.SetMutexProfileFraction(0))
}

//go:noinline
func receiveAll(c chan int) {
	for range c {
	}
}

func block() {
	c := make(chan int) // made before anybody looks
	runtime.SetBlockProfileRate(1)
	go func() {
		for i := 0; i < 20; i++ {
			time.Sleep(2 * time.Millisecond)
			c <- i
		}
		close(c)
	}()
	receiveAll(c)
	look("block", 0)
	look("block", 1)
}

func own() {
	p := pprof.NewProfile("own")
	p.Add(1, 0)
	look("own", 0)
	look("own", 1)
}

func main() {
	map[string]func(){"cpu": cpu, "heap": heap, "goroutine": goroutines, "mutex": mutex, "block": block, "own": own, "labels": labels}[os.Args[1]]()
}
