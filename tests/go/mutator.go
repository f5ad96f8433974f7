// Goroutines change random object graphs while the collector marks, with stores of all kinds: fields, slices, maps, interfaces, channels, copies,
// closures, atomics. Each object knows what it should hold; whoever reads it checks.
//
// smp: 1 4
// args: GODEBUG=gcverify=1
package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	slots = 64
	steps = 3000
	magic = 0x5bd1e9955bd1e995
)

type object struct {
	id    uint64
	check uint64
	next  [4]*object
	ids   [4]uint64 // of next
	any   interface{}
	list  []*object
	m     map[int]*object
}

func (o *object) verify() {
	if o.check != o.id^magic {
		panic("an object has lost its contents")
	}
}

type mutator struct {
	root [slots]*object
	seed uint64
	made uint64
	in   chan *object
	out  chan *object
}

func (m *mutator) random(n int) int {
	m.seed ^= m.seed << 13
	m.seed ^= m.seed >> 7
	m.seed ^= m.seed << 17
	return int(m.seed % uint64(n))
}

func (m *mutator) create() *object {
	m.made++
	id := m.made<<8 | m.seed&255
	return &object{id: id, check: id ^ magic}
}

func (m *mutator) pick() *object {
	o := m.root[m.random(slots)]
	if o == nil {
		return m.create()
	}
	o.verify()
	for m.random(3) != 0 {
		i := m.random(4)
		n := o.next[i]
		if n == nil {
			break
		}
		n.verify()
		if n.id != o.ids[i] {
			panic("a field leads to another object")
		}
		o = n
	}
	return o
}

var shared unsafe.Pointer // *object

func (m *mutator) step() {
	a, b := m.pick(), m.pick()
	switch m.random(12) {
	case 0:
		m.root[m.random(slots)] = a
	case 1:
		m.root[m.random(slots)] = nil
	case 2, 3:
		i := m.random(4)
		a.next[i], a.ids[i] = b, b.id
	case 4:
		a.any = b
	case 5:
		if x, ok := a.any.(*object); ok {
			x.verify()
		}
		a.any = func() *object { return b }
	case 6:
		a.list = append(a.list, b)
		if len(a.list) > 20 {
			copy(a.list, a.list[10:])
			a.list = a.list[:10:10]
		}
		for _, x := range a.list {
			x.verify()
		}
	case 7:
		if a.m == nil {
			a.m = map[int]*object{}
		}
		a.m[m.random(30)] = b
		delete(a.m, m.random(30))
		for _, x := range a.m {
			x.verify()
		}
	case 8:
		if f, ok := a.any.(func() *object); ok {
			f().verify()
		}
	case 9:
		c := *a // a copy of the whole
		c.verify()
		m.root[m.random(slots)] = &c
	case 10:
		select {
		case m.out <- m.create(): // new, so that nobody else has it
		default:
		}
		select {
		case o := <-m.in:
			o.verify()
			m.root[m.random(slots)] = o
		default:
		}
	case 11:
		o := m.create()
		if m.random(2) == 0 {
			atomic.StorePointer(&shared, unsafe.Pointer(o))
		} else if p := (*object)(atomic.SwapPointer(&shared, unsafe.Pointer(o))); p != nil {
			p.verify()
		}
	}
}

func main() {
	const workers = 6
	var wg sync.WaitGroup
	chans := [workers]chan *object{}
	for i := range chans {
		chans[i] = make(chan *object, 4)
	}
	for i := 0; i < workers; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			m := &mutator{seed: uint64(i)*0x9e3779b97f4a7c15 + 88172645463325252, in: chans[i], out: chans[(i+1)%workers]}
			for k := 0; k < steps; k++ {
				m.step()
				if k%500 == 0 {
					runtime.GC()
				}
			}
		}(i)
	}
	wg.Wait()
	println("all objects hold what they should") // expect: all objects hold what they should
}
