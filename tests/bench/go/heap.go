package main

import (
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
)

func itoa(n int) string { return strconv.Itoa(n) }

type node struct { // 64 bytes, two pointers
	next, other *node
	v           [6]uint64
}
type small struct { // 16 bytes, one pointer
	next *small
	v    uint64
}

// What is stored here escapes, and lives.
var (
	kept16    *[16]byte
	kept64    *[64]byte
	kept256   *[256]byte
	kept1024  *[1024]byte
	keptSmall *small
	keptNode  *node
	keptBytes []byte
)

// ---- allocation

// mixed: a node in one of four objects, the rest bytes, 16 to 1024; a ring keeps the last of each alive.
func mixed(n int) {
	var ring [1024]struct {
		p *node
		b []byte
	}
	r := random(7)
	var last *node
	for ; n > 0; n-- {
		x := r.next()
		e := &ring[x&1023]
		if x>>10&3 != 0 {
			e.b = make([]byte, 16<<(x>>20%7))
			continue
		}
		p := new(node)
		p.next = e.p
		if e.p != nil {
			e.p.next = nil
		}
		p.other = last
		last = p
		if x>>12&63 == 0 {
			last = nil
		}
		e.p = p
	}
}

func nodes(n int) {
	for ; n > 0; n-- {
		keptNode = new(node)
	}
}

func onAll(f func(n int)) func(n int) {
	return func(n int) {
		p := runtime.GOMAXPROCS(0)
		together(p, func() { f(n/p + 1) })
	}
}

func allocations() {
	perOp("alloc.16", func(n int) {
		for ; n > 0; n-- {
			kept16 = new([16]byte)
		}
	})
	perOp("alloc.64", func(n int) {
		for ; n > 0; n-- {
			kept64 = new([64]byte)
		}
	})
	perOp("alloc.256", func(n int) {
		for ; n > 0; n-- {
			kept256 = new([256]byte)
		}
	})
	perOp("alloc.1024", func(n int) {
		for ; n > 0; n-- {
			kept1024 = new([1024]byte)
		}
	})
	perOp("alloc.16ptr", func(n int) {
		for ; n > 0; n-- {
			keptSmall = new(small)
		}
	})
	perOp("alloc.64ptr", nodes)
	perOp("alloc.mixed", mixed)
	perOp("alloc.64ptr.allP", onAll(nodes))
	perOp("alloc.mixed.allP", onAll(mixed))
	perOp("alloc.64KiB", func(n int) {
		for ; n > 0; n-- {
			keptBytes = make([]byte, 65536)
		}
	})
}

// ---- binary trees

type tree struct{ l, r *tree }

func bottomUp(depth int) *tree {
	t := new(tree)
	if depth > 0 {
		t.l, t.r = bottomUp(depth-1), bottomUp(depth-1)
	}
	return t
}

func (t *tree) check() uint64 {
	if t.l == nil {
		return 1
	}
	return 1 + t.l.check() + t.r.check()
}

func trees(most int, parallel bool) {
	lives := bottomUp(most)
	total := bottomUp(most + 1).check()
	var wg sync.WaitGroup
	for d := 4; d <= most; d += 4 {
		depth := d
		wg.Add(1)
		job := func() {
			var c uint64
			for i := 1 << uint(most-depth+4); i > 0; i-- {
				c += bottomUp(depth).check()
			}
			atomic.AddUint64(&total, c)
			wg.Done()
		}
		if parallel {
			go job()
		} else {
			job()
		}
	}
	wg.Wait()
	sink += total + lives.check()
}

func binaryTrees() {
	depth := 12
	if scale >= 50 {
		depth = 16
	} else if scale >= 5 {
		depth = 14
	}
	name := "bintree." + itoa(depth)
	once(name+".seq", 3, func() { trees(depth, false) })
	once(name+".par", 3, func() { trees(depth, true) })
}

// ---- collections of a large heap: 4096 lists of nodes, filled in random order

const lists = 4096

func build(mib int) []*node {
	heads := make([]*node, lists)
	r := random(12345)
	for i := mib << 20 >> 6; i > 0; i-- {
		x := r.next()
		heads[x&(lists-1)] = &node{next: heads[x&(lists-1)], other: heads[x>>12&(lists-1)], v: [6]uint64{x}}
	}
	for _, h := range heads { // from here on, what is dropped dies
		for ; h != nil; h = h.next {
			h.other = nil
		}
	}
	return heads
}

// mutate: one operation puts a new node in front of a list in place of the old one, and makes 192 bytes: 256 bytes of garbage.
func mutate(heads []*node, r *random, n int) {
	for ; n > 0; n-- {
		x := r.next()
		h := &heads[x%uint64(len(heads))]
		p := &node{next: (*h).next}
		p.v[0] = x
		b := make([]byte, 192)
		b[x&127] = 1
		keptBytes = b
		*h = p
		if q := p.next; q != nil {
			p.v[1] = q.v[0]
			if q = q.next; q != nil {
				p.v[1] += q.v[0]
			}
		}
	}
}

func collections() {
	if heapMiB != 0 {
		collect(heapMiB)
		return
	}
	for _, mib := range []int{64, 256} {
		collect(mib)
	}
}

// churn mutates on all cores, 64 operations at a time, each core its own lists, until enough; it returns ns per operation on one core and the
// times of all batches, us.
func churn(heads []*node, enough func(done int) bool) (float64, []float64) {
	p := runtime.GOMAXPROCS(0)
	times := make([][]float64, p)
	var core int32
	s := now()
	together(p, func() {
		w := int(atomic.AddInt32(&core, 1)) - 1
		own := heads[lists*w/p : lists*(w+1)/p]
		r := random(w + 1)
		v := make([]float64, 0, 1<<16)
		for a := now(); !enough(64 * len(v)); {
			mutate(own, &r, 64)
			b := now()
			v = append(v, float64(b-a)/1e3)
			a = b
		}
		times[w] = v
	})
	wall := float64(now() - s)
	var all []float64
	for _, v := range times {
		all = append(all, v...)
	}
	return wall * float64(p) / float64(64*len(all)), all
}

func collect(mib int) {
	name := "gc." + itoa(mib) + "MiB"
	s := now()
	heads := build(mib)
	emit(name+".build", float64(now()-s)/1e6, "ms")
	runtime.GC()
	v := make([]float64, 3)
	for i := range v {
		s = now()
		runtime.GC()
		v[i] = float64(now() - s)
	}
	emitSpread(name+".fullgc.node", []float64{v[0] / float64(mib<<14), v[1] / float64(mib<<14), v[2] / float64(mib<<14)}, "ns/node")

	old := debug.SetGCPercent(-1)
	off, _ := churn(heads, func(done int) bool { return done >= 64<<20/256 })
	debug.SetGCPercent(25)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	// At least ten budgets, then until five cycles, at most sixty.
	s = now()
	on, batches := churn(heads, func(done int) bool {
		d := now() - s
		if d <= 10*budget || done&0xffff != 0 {
			return false
		}
		runtime.ReadMemStats(&after)
		return d > 60*budget || after.NumGC-before.NumGC >= 5
	})
	runtime.ReadMemStats(&after)
	debug.SetGCPercent(old)
	emit(name+".mutate.gcoff", off, "ns/op")
	emit(name+".mutate.gcon", on, "ns/op")
	quantiles(name+".batch64", batches, "us")
	var p []float64
	for i := before.NumGC; i < after.NumGC; i++ {
		p = append(p, float64(after.PauseNs[i%256])/1e3)
	}
	emit(name+".cycles", float64(len(p)), "count")
	quantiles(name+".pause", p, "us")
	emit(name+".gccpu_permille", after.GCCPUFraction*1000, "permille")
	runtime.KeepAlive(heads)
}
