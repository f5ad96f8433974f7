// Goroutines against the collector: each builds, rewires and drops a graph of its own, and knows from a shadow model, which holds no pointers, what every object
// must hold. Objects hang from arrays, slices, maps by number and by text, interfaces, closures and globals; trees travel from goroutine to goroutine by
// channels, select, atomics, a locked board, new goroutines, timers and panics. (tests/metal/t_gc_mutator.c is the same in C.)
//
//     shadow [seed] [operations of each goroutine] [goroutines]
//
// smp: 1 2 4
// args: GOGC=20 GODEBUG=gcverify=1 -- 1 1500 6
package main

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

const (
	slots = 200 // objects of a model
	none  = -1
	edges = 4
	roots = 24
	keys  = 40
	board = 16
)

func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

type random struct{ s uint64 }

func (r *random) next() uint64 {
	r.s += 0x9e3779b97f4a7c15
	return mix(r.s)
}
func (r *random) below(n int) int { return int(r.next() % uint64(n)) }

// ---- objects

type node struct {
	id, check uint64
	out       [2]*node     // edges 0 and 1
	more      []*node      // edges 2 and 3, and rubbish behind them
	name      string       // of the id
	block     []byte       // each byte is the id's lowest
	any       interface{}  // edge 0 once more, a number or nothing
	get       func() *node // leads to the object itself
}

func (n *node) edge(i int) **node {
	if i < 2 {
		return &n.out[i]
	}
	return &n.more[i-2]
}

// What the model knows of an object.
type shadow struct {
	used, seen bool
	id         uint64
	edge       [edges]int
}

type world struct {
	random
	me     int
	op     int
	model  [slots]shadow
	rootM  [roots]int
	keyM   [keys]int
	stackM []int
	boxedM [8]int
	funcsM [8]int
	globM  int
	way    *link
}

// Where a world's objects hang from. It is looked up by a long way each time, so that the collector, too, comes to it late: what changes there meanwhile would be lost
// without the write barrier.
type places struct {
	root   [roots]*node
	byKey  map[int]*node
	byName map[string]*node // those of byKey, by name and key
	stack  []*node
	boxed  [8]interface{}
	funcs  [8]func() *node
}
type link struct {
	next *link
	at   *places
}

const links = 1500

func (w *world) places() *places {
	l := w.way
	for l.next != nil {
		l = l.next
	}
	return l.at
}

var global [64]*node // one a goroutine

func (w *world) fail(what string, got, want uint64) {
	println("goroutine", w.me, "operation", w.op, what, "is", got, "expected", want)
	os.Exit(1)
}

func (w *world) check(n *node, s int) {
	if s == none {
		if n != nil {
			w.fail("an object that should not be: its id", n.id, 0)
		}
		return
	}
	if n == nil {
		w.fail("a lost object", 0, w.model[s].id)
	}
	if n.id != w.model[s].id {
		w.fail("id of an object", n.id, w.model[s].id)
	}
	if n.check != mix(n.id) {
		w.fail("checksum of an object", n.check, mix(n.id))
	}
	if n.name != strconv.FormatUint(n.id, 16) {
		w.fail("length of an object's name", uint64(len(n.name)), n.id)
	}
	if k := len(n.block); k > 0 && (n.block[0] != byte(n.id) || n.block[k-1] != byte(n.id)) {
		w.fail("block of an object", uint64(n.block[0]), n.id&255)
	}
	if n.get() != n {
		w.fail("the object that a closure leads to", n.get().id, n.id)
	}
}

// A new object in a free slot of the model, with edges to others; nil: all slots are reachable.
func (w *world) create() (*node, int) {
	s := w.below(slots)
	if w.model[s].used {
		w.sweepModel()
		for i := 0; i < slots && w.model[s].used; i++ {
			s = (s + 1) % slots
		}
		if w.model[s].used {
			return nil, none
		}
	}
	id := w.next() | 1
	n := &node{id: id, check: mix(id), name: strconv.FormatUint(id, 16)}
	n.more = make([]*node, 2, 2+w.below(20))
	n.get = func() *node { return n }
	if w.below(3) == 0 {
		n.block = make([]byte, 1+w.below(3000))
		n.block[0], n.block[len(n.block)-1] = byte(id), byte(id)
	}
	w.model[s] = shadow{used: true, id: id, edge: [edges]int{none, none, none, none}}
	for i := 0; i < edges; i++ {
		if w.below(2) == 0 {
			*n.edge(i), w.model[s].edge[i] = w.pick()
		}
	}
	return n, s
}

// Frees slots of the model that nothing leads to.
func (w *world) sweepModel() {
	for i := range w.model {
		w.model[i].seen = false
	}
	w.eachRoot(func(n *node, s int) { w.markModel(s) })
	for i := range w.model {
		w.model[i].used = w.model[i].seen
	}
}
func (w *world) markModel(s int) {
	if s == none || w.model[s].seen {
		return
	}
	w.model[s].seen = true
	for _, t := range w.model[s].edge {
		w.markModel(t)
	}
}

func (w *world) eachRoot(f func(n *node, s int)) {
	p := w.places()
	for i, n := range p.root {
		f(n, w.rootM[i])
	}
	for i, n := range p.stack {
		f(n, w.stackM[i])
	}
	for i := 0; i < keys; i++ {
		n, ok := p.byKey[i]
		if ok != (w.keyM[i] != none) {
			w.fail("a key of the map", uint64(i), 0)
		}
		f(n, w.keyM[i])
		if ok && p.byName[n.name+" "+strconv.Itoa(i)] != n {
			w.fail("a name of the map", n.id, uint64(i))
		}
	}
	if len(p.byName) != len(p.byKey) {
		w.fail("names of the map", uint64(len(p.byName)), uint64(len(p.byKey)))
	}
	for i, b := range p.boxed {
		n, _ := b.(*node)
		f(n, w.boxedM[i])
	}
	for i, g := range p.funcs {
		if g == nil {
			f(nil, none)
		} else {
			f(g(), w.funcsM[i])
		}
	}
	f(global[w.me], w.globM)
}

// Some object that can be reached, or nil.
func (w *world) pick() (*node, int) {
	p := w.places()
	var n *node
	s := none
	switch w.below(8) {
	case 0:
		n, s = global[w.me], w.globM
	case 1:
		i := w.below(keys)
		n, s = p.byKey[i], w.keyM[i]
	case 2:
		if k := len(p.stack); k > 0 {
			i := w.below(k)
			n, s = p.stack[i], w.stackM[i]
		}
	case 3:
		i := w.below(len(p.boxed))
		n, _ = p.boxed[i].(*node)
		s = w.boxedM[i]
	case 4:
		i := w.below(len(p.funcs))
		if p.funcs[i] != nil {
			n, s = p.funcs[i](), w.funcsM[i]
		}
	default:
		i := w.below(roots)
		n, s = p.root[i], w.rootM[i]
	}
	w.check(n, s)
	for steps := w.below(8); n != nil && steps > 0; steps-- {
		i := w.below(edges)
		to, t := *n.edge(i), w.model[s].edge[i]
		w.check(to, t)
		if to == nil {
			break
		}
		n, s = to, t
	}
	return n, s
}

func (w *world) put(n *node, s int) {
	p := w.places()
	switch w.below(14) {
	case 0, 1:
		i := w.below(roots)
		p.root[i], w.rootM[i] = n, s
	case 2, 3:
		i := w.below(keys)
		if old := p.byKey[i]; old != nil {
			delete(p.byName, old.name+" "+strconv.Itoa(i))
		}
		w.keyM[i] = s
		if n == nil {
			delete(p.byKey, i)
		} else {
			p.byKey[i] = n
			p.byName[n.name+" "+strconv.Itoa(i)] = n
		}
	case 4:
		p.stack, w.stackM = append(p.stack, n), append(w.stackM, s)
		if k := len(p.stack); k > 40 { // half goes, by moving within the array or to a new one
			if w.below(2) == 0 {
				p.stack = p.stack[:copy(p.stack, p.stack[k/2:])]
			} else {
				p.stack = append([]*node(nil), p.stack[k/2:]...)
			}
			w.stackM = append([]int(nil), w.stackM[k/2:]...)
		}
	case 5:
		i := w.below(len(p.boxed))
		p.boxed[i], w.boxedM[i] = n, s
	case 6:
		i := w.below(len(p.funcs))
		p.funcs[i], w.funcsM[i] = func() *node { return n }, s
	case 7:
		global[w.me], w.globM = n, s
	default:
		to, t := w.pick()
		if to != nil {
			i := w.below(edges)
			*to.edge(i), w.model[t].edge[i] = n, s
			to.any = n
		}
	}
}

// Two edges change places: for a moment each object is held by a local only.
func (w *world) swap() {
	n, s := w.pick()
	o, t := w.pick()
	if n == nil || o == nil {
		return
	}
	i, j := w.below(edges), w.below(edges)
	a, b := *n.edge(i), *o.edge(j)
	am, bm := w.model[s].edge[i], w.model[t].edge[j]
	*n.edge(i), *o.edge(j) = nil, nil
	if w.below(8) == 0 {
		runtime.Gosched()
	}
	*n.edge(i), w.model[s].edge[i] = b, bm
	*o.edge(j), w.model[t].edge[j] = a, am
}

// Takes an object out of the heap, holds it in a frame far down while others run.
func (w *world) takeOut() {
	n, s := w.pick()
	if n == nil {
		return
	}
	i := w.below(edges)
	x, xm := *n.edge(i), w.model[s].edge[i]
	*n.edge(i), w.model[s].edge[i] = nil, none
	depth := w.below(8)
	if w.below(10) == 0 {
		depth = w.below(300)
	}
	w.put(w.hold(x, xm, depth), xm)
}

//go:noinline
func (w *world) hold(n *node, s, depth int) *node {
	var pad [12]int
	for i := range pad {
		pad[i] = depth + i
	}
	if depth > 0 {
		n = w.hold(n, s, depth-1)
	} else {
		runtime.Gosched()
	}
	for i := range pad {
		if pad[i] != depth+i {
			w.fail("a word of the stack", uint64(pad[i]), uint64(depth+i))
		}
	}
	w.check(n, s)
	return n
}

// The second half of the edges moves to a new array, by one of the ways to copy; or the object's contents to another and back.
func (w *world) copyEdges() {
	n, s := w.pick()
	if n == nil {
		return
	}
	switch w.below(4) {
	case 0:
		n.more = append([]*node(nil), n.more[:2]...)
	case 1:
		v := make([]*node, 2, 2+w.below(500))
		copy(v, n.more)
		n.more = v
	case 2:
		c := *n
		*n = node{}
		*n = c
	case 3:
		n.out = [2]*node{}
		w.model[s].edge[0], w.model[s].edge[1] = none, none
	}
}

// ---- trees that travel

type parcel struct {
	id, check uint64
	l, r      *parcel
	text      string
}

type letter struct {
	id uint64
	p  *parcel
}

var (
	direct, buffered = make(chan *letter), make(chan *letter, 8)
	pigeonholes      [board]struct {
		sync.Mutex
		l *letter
	}
	exchange    [board]unsafe.Pointer
	made, ended uint64 // sums of ids
	errands     sync.WaitGroup
)

func tree(id uint64, depth int) *parcel {
	p := &parcel{id: id, check: mix(id), text: "p" + strconv.Itoa(int(id%1000))}
	if depth > 0 {
		p.l, p.r = tree(mix(id+1), depth-1), tree(mix(id+2), depth-1)
	}
	return p
}

func (w *world) inspect(p *parcel, id uint64) {
	if p == nil {
		w.fail("a part of a parcel", 0, id)
	}
	if p.id != id || p.check != mix(id) || p.text != "p"+strconv.Itoa(int(id%1000)) {
		w.fail("a part of a parcel", p.id, id)
	}
	if p.l != nil {
		w.inspect(p.l, mix(id+1))
		w.inspect(p.r, mix(id+2))
	}
}

func burn(p *parcel) {
	if p != nil {
		burn(p.l)
		burn(p.r)
		p.id, p.check = 0xdead, 0xdead
	}
}

func (w *world) end(l *letter) {
	w.inspect(l.p, l.id)
	burn(l.p)
	atomic.AddUint64(&ended, l.id)
	l.id = 0xdead
}

func (w *world) arrived(l *letter) {
	if l == nil {
		return
	}
	w.inspect(l.p, l.id)
	if w.below(4) == 0 {
		w.end(l)
	} else {
		w.pass(l)
	}
}

func (w *world) toBoard(l *letter) {
	at := &pigeonholes[w.below(board)]
	at.Lock()
	old := at.l
	at.l = l
	at.Unlock()
	w.arrived(old)
}

func errand(seed uint64, l *letter) {
	w := &world{random: random{seed}, me: none}
	w.inspect(l.p, l.id)
	runtime.Gosched()
	w.toBoard(l)
	errands.Done()
}

func thrown(l *letter) (got *letter) {
	defer func() { got = recover().(*letter) }()
	panic(l)
}

func (w *world) pass(l *letter) {
	if w.me == none || w.below(3) == 0 { // ways that never wait
		if w.below(2) == 0 {
			w.toBoard(l)
		} else {
			w.arrived((*letter)(atomic.SwapPointer(&exchange[w.below(board)], unsafe.Pointer(l))))
		}
		return
	}
	switch w.below(6) {
	case 0, 1:
		direct <- l
	case 2:
		select {
		case buffered <- l:
		case o := <-buffered:
			w.toBoard(l)
			w.arrived(o)
		default:
			w.toBoard(l)
		}
	case 3:
		errands.Add(1)
		go errand(w.next(), l)
	case 4:
		errands.Add(1)
		seed := w.next()
		time.AfterFunc(time.Duration(w.below(300))*time.Microsecond, func() { errand(seed, l) })
	case 5:
		w.toBoard(thrown(l))
	}
}

func (w *world) letter() *letter {
	id := w.next() | 1
	atomic.AddUint64(&made, id)
	return &letter{id, tree(id, w.below(5))}
}

// ---- the whole

func (w *world) step() {
	switch w.below(16) {
	case 0, 1, 2, 3, 4:
		if n, s := w.create(); n != nil {
			w.put(n, s)
		}
	case 5, 6:
		w.put(w.pick())
	case 7:
		w.put(nil, none)
	case 8, 9:
		w.swap()
	case 10:
		w.takeOut()
	case 11:
		w.copyEdges()
	case 12, 13:
		w.pass(w.letter())
	case 14:
		w.pick()
	case 15:
		if w.below(20) == 0 {
			w.walkAll()
		}
	}
}

// All that the model reaches, by the same way in the heap.
func (w *world) walkAll() {
	for i := range w.model {
		w.model[i].seen = false
	}
	w.eachRoot(w.walk)
}
func (w *world) walk(n *node, s int) {
	w.check(n, s)
	if s == none || w.model[s].seen {
		return
	}
	w.model[s].seen = true
	for i, t := range w.model[s].edge {
		w.walk(*n.edge(i), t)
	}
}

func worker(seed uint64, me, operations int, done *sync.WaitGroup) {
	w := &world{random: random{seed}, me: me, globM: none}
	w.way = &link{at: &places{byKey: map[int]*node{}, byName: map[string]*node{}}}
	for i := 0; i < links; i++ {
		w.way = &link{next: w.way}
	}
	for _, m := range [][]int{w.rootM[:], w.keyM[:], w.boxedM[:], w.funcsM[:]} {
		for i := range m {
			m[i] = none
		}
	}
	for w.op = 0; w.op < operations; w.op++ {
		w.step()
	}
	w.walkAll()
	global[me] = nil
	done.Done()
}

func number(i, otherwise int) int {
	if i < len(os.Args) {
		n, err := strconv.Atoi(os.Args[i])
		if err != nil {
			panic(err)
		}
		return n
	}
	return otherwise
}

func main() {
	seed, operations, goroutines := uint64(number(1, 1)), number(2, 4000), number(3, 6)
	var workers, others sync.WaitGroup
	stop := make(chan bool)
	for i := 0; i < 3; i++ { // postmen: receive by direct hand-off, most of the time while parked
		others.Add(1)
		go func(i int) {
			w := &world{random: random{seed*100 + uint64(i)}, me: none}
			for l := range direct {
				w.arrived(l)
			}
			others.Done()
		}(i)
	}
	others.Add(1)
	go func() {
		for {
			select {
			case <-stop:
				others.Done()
				return
			default:
				runtime.GC()
			}
		}
	}()
	for i := 0; i < goroutines; i++ {
		workers.Add(1)
		go worker(mix(seed*1000+uint64(i)), i, operations, &workers)
	}
	workers.Wait()
	errands.Wait()
	close(stop)
	close(direct)
	others.Wait()
	close(buffered)
	w := &world{random: random{seed}, me: none}
	for l := range buffered {
		w.end(l)
	}
	for i := range pigeonholes {
		if pigeonholes[i].l != nil {
			w.end(pigeonholes[i].l)
		}
		if l := (*letter)(exchange[i]); l != nil {
			w.end(l)
		}
	}
	if made != ended {
		w.fail("the sum of letters that came to their end", ended, made)
	}
	println("all objects are what the model says") // expect: all objects are what the model says
}
