// clock.go -- the wall clock, zones, timers and tickers; randomness; what is not there answers an error.
// expect: ok
package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"hash/maphash"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
	_ "time/tzdata"
)

func check(ok bool, what string, args ...interface{}) {
	if !ok {
		fmt.Printf("wrong: "+what+"\n", args...)
		os.Exit(1)
	}
}

// The number that the next goroutine gets.
func goroutine() (id int) {
	done := make(chan bool)
	go func() {
		var text [64]byte
		fmt.Sscanf(string(text[:runtime.Stack(text[:], false)]), "goroutine %d ", &id)
		close(done)
	}()
	<-done
	return id
}

// A ticker that nobody reads drops its ticks; it does not start a goroutine for each.
func unread() {
	first := goroutine()
	ticker := time.NewTicker(100 * time.Microsecond)
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		runtime.Gosched()
	}
	ticker.Stop()
	check(len(ticker.C) == 1, "%d values of a ticker that nobody read", len(ticker.C))
	started := goroutine() - first // each core takes a few numbers at a time
	check(first > 0 && started < 100, "a ticker that nobody reads started %d goroutines", started)
}

func main() {
	unread()
	now := time.Now()
	check(now.Year() >= 2022 && now.Year() < 2200, "year %v", now)
	name, offset := now.Zone()
	check(name == "UTC" && offset == 0, "zone %v %v %v", name, offset, time.Local)
	berlin, err := time.LoadLocation("Europe/Berlin")
	check(err == nil, "LoadLocation %v", err)
	summer := time.Date(2022, 7, 1, 12, 0, 0, 0, time.UTC).In(berlin)
	check(summer.Format(time.RFC3339) == "2022-07-01T14:00:00+02:00", "%v", summer)
	_, err = time.LoadLocation("Middle/Earth")
	check(err != nil && strings.Contains(err.Error(), "Middle/Earth"), "LoadLocation %v", err)

	start := time.Now()
	ticker := time.NewTicker(5 * time.Millisecond)
	for i := 0; i < 5; i++ {
		<-ticker.C
	}
	ticker.Stop()
	check(time.Since(start) >= 25*time.Millisecond, "ticker %v", time.Since(start))
	fired := make(chan int, 1)
	timer := time.AfterFunc(time.Hour, func() { fired <- 1 })
	check(timer.Reset(time.Millisecond), "Reset")
	<-fired
	check(!timer.Stop(), "Stop")

	a, b := make([]byte, 1000), make([]byte, 1000)
	_, err = rand.Read(a)
	check(err == nil, "rand %v", err)
	rand.Read(b)
	check(!bytes.Equal(a, b), "the same twice")
	ones := 0
	for _, x := range append(a, b...) {
		for ; x != 0; x &= x - 1 {
			ones++
		}
	}
	check(ones > 7600 && ones < 8400, "%d ones of 16000", ones) // six standard deviations
	random, err := os.Open("/dev/urandom")
	check(err == nil, "%v", err)
	n, err := random.Read(a)
	check(n == 1000 && err == nil && !bytes.Equal(a, b), "urandom")
	check(maphash.MakeSeed() != maphash.MakeSeed(), "seeds")

	_, err = net.Dial("tcp", "127.0.0.1:80")
	check(err != nil, "Dial")
	_, err = net.Listen("tcp", ":0")
	check(err != nil, "Listen")
	check(exec.Command("/bin/true").Run() != nil, "exec")
	var profile bytes.Buffer
	check(pprof.StartCPUProfile(&profile) == nil, "StartCPUProfile")
	pprof.StopCPUProfile()
	check(pprof.Lookup("goroutine").WriteTo(&profile, 1) == nil && pprof.WriteHeapProfile(&profile) == nil, "profiles")
	fmt.Println("ok")
}
