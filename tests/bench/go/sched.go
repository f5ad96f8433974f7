package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

var sink uint64

// ---- goroutines

func spawn() {
	perOp("spawn.batch", func(n int) {
		var wg sync.WaitGroup
		for n > 0 {
			m := 1000
			if m > n {
				m = n
			}
			wg.Add(m)
			for i := 0; i < m; i++ {
				go wg.Done()
			}
			wg.Wait()
			n -= m
		}
	})
	perOp("spawn.chain", func(n int) {
		done := make(chan int)
		var step func(left int)
		step = func(left int) {
			if left == 0 {
				done <- 1
			} else {
				go step(left - 1)
			}
		}
		go step(n)
		<-done
	})
	perOp("spawn.join1", func(n int) {
		c := make(chan int)
		for ; n > 0; n-- {
			go func() { c <- 1 }()
			<-c
		}
	})
}

// together runs k goroutines and waits for all.
func together(k int, f func()) {
	var wg sync.WaitGroup
	wg.Add(k)
	for ; k > 0; k-- {
		go func() {
			f()
			wg.Done()
		}()
	}
	wg.Wait()
}

func yield() {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	among := func(k int) func(n int) {
		return func(n int) {
			together(k, func() {
				for i := n / k; i > 0; i-- {
					runtime.Gosched()
				}
			})
		}
	}
	perOpFrom("yield.pair.P1", 1000, among(2))
	perOpFrom("yield.1000g.P1", 20000, among(1000))
}

// memoryInUse is what the runtime has, but for what it keeps free: on Burrow it has all there is.
func memoryInUse() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys) - float64(m.HeapIdle)
}

func parked() {
	n := parkedN
	if n == 0 {
		n = 100000
	}
	name := "parked." + itoa(n/1000) + "k"
	gate := make(chan int)
	var ready, done sync.WaitGroup
	ready.Add(n)
	done.Add(n)
	runtime.GC()
	before := memoryInUse()
	s := now()
	for i := 0; i < n; i++ {
		go func() {
			ready.Done()
			<-gate
			done.Done()
		}()
	}
	ready.Wait()
	runtime.Gosched()
	e := now()
	emit(name+".create", float64(e-s)/float64(n), "ns/g")
	emit(name+".memory", (memoryInUse()-before)/float64(n), "B/g")
	s = now()
	close(gate)
	done.Wait()
	emit(name+".release", float64(now()-s)/float64(n), "ns/g")
}

// ---- channels

func pingpong(n int) {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for v := range ping {
			pong <- v
		}
		close(pong)
	}()
	for i := 0; i < n; i++ {
		ping <- i
		<-pong
	}
	close(ping)
	<-pong
}

func stream(room, senders, receivers int) func(n int) {
	return func(n int) {
		c := make(chan int, room)
		var sent, received sync.WaitGroup
		sent.Add(senders)
		received.Add(receivers)
		for i := 0; i < senders; i++ {
			go func() {
				for k := 0; k < n/senders; k++ {
					c <- k
				}
				sent.Done()
			}()
		}
		for i := 0; i < receivers; i++ {
			go func() {
				var s uint64
				for v := range c {
					s += uint64(v)
				}
				atomic.AddUint64(&sink, s)
				received.Done()
			}()
		}
		sent.Wait()
		close(c)
		received.Wait()
	}
}

func channels() {
	perOp("chan.pingpong.P1", pingpong)
	perOp("chan.buf128.1p1c", stream(128, 1, 1))
	perOp("chan.unbuf.1p1c", stream(0, 1, 1))
	perOpFrom("chan.buf128.4p4c", 4000, stream(128, 4, 4))
	perOpFrom("chan.unbuf.4p4c", 4000, stream(0, 4, 4))
	perOp("chan.self.buf1", func(n int) {
		c := make(chan int, 1)
		for i := 0; i < n; i++ {
			c <- i
			<-c
		}
	})
}

// ---- select

func selectUnbuffered(n int) {
	var c [4]chan int
	stop := make(chan int)
	var wg sync.WaitGroup
	wg.Add(len(c))
	for i := range c {
		out := make(chan int)
		c[i] = out
		go func() {
			defer wg.Done()
			for {
				select {
				case out <- 1:
				case <-stop:
					return
				}
			}
		}()
	}
	sum := 0
	for i := 0; i < n; i++ {
		var v int
		select {
		case v = <-c[0]:
		case v = <-c[1]:
		case v = <-c[2]:
		case v = <-c[3]:
		}
		sum += v
	}
	close(stop)
	wg.Wait()
	if sum != n {
		panic("select: values lost")
	}
}

func selects() {
	perOp("select.4.unbuf", selectUnbuffered)
	perOp("select.4.ready", func(n int) {
		var c [4]chan int
		for i := range c {
			c[i] = make(chan int, 1)
		}
		for i := 0; i < n; i++ {
			c[i&3] <- i
			select {
			case <-c[0]:
			case <-c[1]:
			case <-c[2]:
			case <-c[3]:
			}
		}
	})
	perOp("select.default", func(n int) {
		c := make(chan int)
		for ; n > 0; n-- {
			select {
			case <-c:
			default:
			}
		}
	})
}

// ---- locks

var mu sync.Mutex

func lockOften(n int) {
	for ; n > 0; n-- {
		mu.Lock()
		sink++
		mu.Unlock()
	}
}

func mutexes() {
	perOp("mutex.uncontended", lockOften)
	perOpFrom("mutex.8g", 8000, func(n int) { together(8, func() { lockOften(n / 8) }) })
	var rw sync.RWMutex
	perOp("rwmutex.rlock", func(n int) {
		for ; n > 0; n-- {
			rw.RLock()
			rw.RUnlock()
		}
	})
}

// ---- timers

// lateness of n sleeps of a millisecond, ns.
func lateness(n int) []float64 {
	late := make([]float64, n)
	for i := range late {
		s := now()
		time.Sleep(time.Millisecond)
		late[i] = float64(now() - s - time.Millisecond)
	}
	return late
}

func sleeps() { quantiles("sleep1ms.1g.late", lateness(int(budget/time.Millisecond)*2), "ns") }

var spinning int32 = 1

// ticks: a 1 ms ticker beside a loop without calls on every core. gccgo's own runtime never comes back from this one.
func ticks() {
	for i := runtime.GOMAXPROCS(0); i > 0; i-- {
		go func() {
			for atomic.LoadInt32(&spinning) != 0 {
			}
		}()
	}
	late := lateness(200)
	atomic.StoreInt32(&spinning, 0)
	quantiles("preempt.tick1ms.1xP.late", late, "ns")
}

func timers() {
	perOp("timer.afterfunc_stop", func(n int) {
		for ; n > 0; n-- {
			time.AfterFunc(time.Hour, func() {}).Stop()
		}
	})
	perOpFrom("timer.reset_10k", 100000, func(n int) {
		var t [10000]*time.Timer
		for i := range t {
			t[i] = time.AfterFunc(time.Hour+time.Duration(i)*time.Millisecond, func() {})
		}
		r := uint64(88172645463325252)
		for ; n > 0; n-- {
			r ^= r << 13
			r ^= r >> 7
			r ^= r << 17
			t[r%10000].Reset(time.Hour + time.Duration(r>>40))
		}
		for _, x := range t {
			x.Stop()
		}
	})
}

// ---- stacks

//go:noinline
func recurse(depth int) int {
	var frame [40]byte
	frame[depth%40] = 1
	if depth == 0 {
		return 0
	}
	return recurse(depth-1) + int(frame[depth%40])
}

func stacks() {
	perOp("stack.first1000", func(n int) {
		var wg sync.WaitGroup
		for ; n > 0; n-- {
			wg.Add(1)
			go func() {
				if recurse(1000) != 1000 {
					panic("recurse")
				}
				wg.Done()
			}()
			wg.Wait()
		}
	})
}
