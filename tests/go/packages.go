// A walk through the standard library: what needs reflection, timers, mathematics, maps, files, contexts.
//
// status: 2
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"text/template"
	"time"
)

type P struct {
	X, Y int
	Name string `json:"name"`
	M    map[string][]float64
}

func (p P) Sum(k int) (int, string) { return p.X + p.Y + k, p.Name }

func main() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var n int64
	total := 0
	for i := 0; i < 100; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			for k := 0; k < 100; k++ {
				mu.Lock()
				total += i
				mu.Unlock()
				atomic.AddInt64(&n, 1)
			}
		}(i)
	}
	wg.Wait()
	fmt.Println(total, n) // expect: 495000 10000
	fmt.Println(math.Sin(1), math.Pow(2, 0.5), math.Exp(1), math.Log(10), math.Floor(-1.5))
	// expect: 0.8414709848078965 1.4142135623730951 2.718281828459045 2.302585092994046 -2
	b, err := json.Marshal(P{1, 2, "x", map[string][]float64{"a": {1, 2.5}}})
	fmt.Println(string(b), err) // expect: {"X":1,"Y":2,"name":"x","M":{"a":[1,2.5]}} <nil>
	var p P
	fmt.Println(json.Unmarshal([]byte(`{"X":5,"name":"q","M":{"z":[1e3]}}`), &p), p)    // expect: <nil> {5 0 q map[z:[1000]]}
	fmt.Println(regexp.MustCompile(`(\w+)@(\w+)`).FindAllStringSubmatch("a@b c@d", -1)) // expect: [[a@b a b] [c@d c d]]
	out := reflect.ValueOf(p).MethodByName("Sum").Call([]reflect.Value{reflect.ValueOf(3)})
	fmt.Println(out[0].Int(), out[1]) // expect: 8 q
	swap := reflect.MakeFunc(reflect.TypeOf(func(int, string) (string, int) { return "", 0 }),
		func(in []reflect.Value) []reflect.Value { return []reflect.Value{in[1], in[0]} })
	fmt.Println(swap.Interface().(func(int, string) (string, int))(5, "five")) // expect: five 5
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	fmt.Println(ctx.Err(), errors.Is(ctx.Err(), context.DeadlineExceeded)) // expect: context deadline exceeded true
	w := tabwriter.NewWriter(os.Stdout, 5, 0, 1, ' ', 0)
	fmt.Fprintln(w, "a\tb\tc")
	w.Flush() // expect: a    b    c
	_, err = os.Open("/nothere")
	fmt.Println(err, os.IsNotExist(err)) // expect: open /nothere: no such file or directory true
	_, err = os.Create("/x")
	fmt.Println(err) // expect: open /x: read-only file system
	s := bufio.NewScanner(strings.NewReader("l1\nl2"))
	for s.Scan() {
		fmt.Printf("%q %v\n", s.Text(), time.Second)
	}
	// expect: "l1" 1s
	// expect: "l2" 1s
	t := time.NewTicker(time.Millisecond)
	for i := 0; i < 3; i++ {
		<-t.C
	}
	t.Stop()
	fmt.Println(time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)) // expect: 2020-01-02 03:04:05.000000006 +0000 UTC
	var m sync.Map
	m.Store(1, 2)
	fmt.Println(m.Load(1)) // expect: 2 true
	var z bytes.Buffer
	gz := gzip.NewWriter(&z)
	gz.Write(bytes.Repeat([]byte("burrow "), 1000))
	gz.Close()
	r, _ := gzip.NewReader(&z)
	back, _ := io.ReadAll(r)
	fmt.Printf("%d %x\n", len(back), sha256.Sum256(back)) // expect: 7000 b167ef88f18b18e550947a27779fe4c0795eaa5b47f33056ebb9fb22669939c8
	fmt.Println(new(big.Int).Exp(big.NewInt(3), big.NewInt(100), nil)) // expect: 515377520732011331036461129765621272702107522001
	template.Must(template.New("t").Parse("{{range .}}<{{.}}>{{end}}\n")).Execute(os.Stdout, []int{1, 2}) // expect: <1><2>
	keys := []string{}
	for k := range map[string]int{"b": 1, "a": 2, "c": 3} {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	fmt.Println(keys, len(os.Args), runtime.NumCPU() > 0) // expect: [a b c] 1 true
	_, file, line, ok := runtime.Caller(0)
	fmt.Println(file, line > 100, ok) // expect: tests/go/packages.go true true
	select {}
	// expect: fatal error: all goroutines are asleep - deadlock!
	// expect:
	// expect: goroutine 1 [select (no cases)]:
	// expect: main.main(...)
	// expect-re: \ttests/go/packages.go:\d+ \+0x[0-9a-f]+
	// expect:
}
