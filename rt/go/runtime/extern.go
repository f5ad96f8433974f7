package runtime

import "unsafe"

// ---- scheduling: in C (rt/go/sched.c)

func Gosched()
func Goexit()
func GOMAXPROCS(n int) int
func NumCPU() int
func NumGoroutine() int { return burrowGoroutines() } // with a body, as SetMutexProfileFraction
func burrowGoroutines() int
func LockOSThread()
func UnlockOSThread()
func NumCgoCall() int64 { return 0 }

// Ends the program: there is no debugger that would take it. In C (rt/go/debug.c).
func Breakpoint()

// ---- memory: in C (rt/go/memstats.c)

func GC()
//go:noescape
func ReadMemStats(m *MemStats)
func SetFinalizer(obj interface{}, finalizer interface{})
//go:noescape
func KeepAlive(x interface{})

// ---- the machine

const GOOS string = "linux"
const GOARCH string = "amd64"
const Compiler = "gccgo"

func GOROOT() string  { return "" }
func Version() string { return "go1.18 gccgo (Debian 12.2.0) Burrow" }

// MemStats: as in Go.
type MemStats struct {
	Alloc, TotalAlloc, Sys, Lookups, Mallocs, Frees                 uint64
	HeapAlloc, HeapSys, HeapIdle, HeapInuse, HeapReleased           uint64
	HeapObjects, StackInuse, StackSys, MSpanInuse, MSpanSys         uint64
	MCacheInuse, MCacheSys, BuckHashSys, GCSys, OtherSys            uint64
	NextGC, LastGC, PauseTotalNs                                    uint64
	PauseNs, PauseEnd                                               [256]uint64
	NumGC, NumForcedGC                                              uint32
	GCCPUFraction                                                   float64
	EnableGC, DebugGC                                               bool
	BySize [61]struct {
		Size            uint32
		Mallocs, Frees  uint64
	}
}

// ---- stacks: in C (rt/go/callers.c)

//go:noescape
func Callers(skip int, pc []uintptr) int
//go:noescape
func Stack(buf []byte, all bool) int
//go:noescape
func burrowSymbol(pc uintptr, function, file *string, line *int, entry *uintptr) bool

// A Func describes a function of the program. There is one for each that was asked for, so that they can be compared.
type Func struct {
	opaque struct{}
	name   string
	entry  uintptr
	next   *Func
}

// Lists by entry; only ever prepended to, by compare and swap.
var funcs [64]unsafe.Pointer

//go:noescape
//go:linkname casPointer sync_1atomic.CompareAndSwapPointer
func casPointer(p *unsafe.Pointer, old, new unsafe.Pointer) bool

func FuncForPC(pc uintptr) *Func {
	var name, file string
	var line int
	var entry uintptr
	if !burrowSymbol(pc, &name, &file, &line, &entry) {
		return nil
	}
	list := &funcs[entry>>4%64]
	var made *Func
	for {
		first := *list
		for f := (*Func)(first); f != nil; f = f.next {
			if f.entry == entry && f.name == name {
				return f
			}
		}
		if made == nil {
			made = &Func{name: name, entry: entry}
		}
		made.next = (*Func)(first)
		if casPointer(list, first, unsafe.Pointer(made)) {
			return made
		}
	}
}

func (f *Func) Name() string {
	if f == nil {
		return ""
	}
	return f.name
}

func (f *Func) Entry() uintptr {
	if f == nil {
		return 0
	}
	return f.entry
}

func (f *Func) FileLine(pc uintptr) (string, int) {
	var name, file string
	var line int
	var entry uintptr
	burrowSymbol(pc, &name, &file, &line, &entry)
	return file, line
}

func Caller(skip int) (pc uintptr, file string, line int, ok bool) {
	var pcs [1]uintptr
	if Callers(skip+2, pcs[:]) < 1 {
		return 0, "", 0, false
	}
	var name string
	var entry uintptr
	burrowSymbol(pcs[0]-1, &name, &file, &line, &entry)
	return pcs[0], file, line, true
}

// Frames turns program counters of Callers into functions, files and lines.
type Frames struct {
	callers []uintptr
	last    uintptr
	lastCount int
}

type Frame struct {
	PC       uintptr
	Func     *Func
	Function string
	File     string
	Line     int
	Entry    uintptr
}

func CallersFrames(callers []uintptr) *Frames { return &Frames{callers: callers} }

func (f *Frames) Next() (frame Frame, more bool) {
	if len(f.callers) == 0 {
		return Frame{}, false
	}
	pc := f.callers[0]
	f.callers = f.callers[1:]
	frame.PC = pc
	burrowSymbol(pc-1, &frame.Function, &frame.File, &frame.Line, &frame.Entry)
	frame.Func = FuncForPC(pc - 1)
	return frame, len(f.callers) > 0
}

// ---- profiles: in C (rt/go/pprof.c, pprof_heap.c)

var MemProfileRate int = 512 * 1024

type StackRecord struct{ Stack0 [32]uintptr }

func (r *StackRecord) Stack() []uintptr {
	for i, v := range r.Stack0 {
		if v == 0 {
			return r.Stack0[:i]
		}
	}
	return r.Stack0[:]
}

type MemProfileRecord struct {
	AllocBytes, FreeBytes     int64
	AllocObjects, FreeObjects int64
	Stack0                    [32]uintptr
}

func (r *MemProfileRecord) Stack() []uintptr {
	for i, v := range r.Stack0 {
		if v == 0 {
			return r.Stack0[:i]
		}
	}
	return r.Stack0[:]
}

func (r *MemProfileRecord) InUseBytes() int64   { return r.AllocBytes - r.FreeBytes }
func (r *MemProfileRecord) InUseObjects() int64 { return r.AllocObjects - r.FreeObjects }

type BlockProfileRecord struct {
	Count, Cycles int64
	StackRecord
}

func SetBlockProfileRate(rate int)
func SetMutexProfileFraction(rate int) int { return burrowMutexFraction(rate) } // with a body: the library's export data has one
func burrowMutexFraction(rate int) int
func SetCPUProfileRate(hz int)

//go:noescape
func MemProfile(p []MemProfileRecord, inuseZero bool) (n int, ok bool)
//go:noescape
func BlockProfile(p []BlockProfileRecord) (n int, ok bool)
//go:noescape
func MutexProfile(p []BlockProfileRecord) (n int, ok bool)
//go:noescape
func ThreadCreateProfile(p []StackRecord) (n int, ok bool)
//go:noescape
func GoroutineProfile(p []StackRecord) (n int, ok bool)
func CPUProfile() []byte { panic("CPUProfile no longer available") }

// ---- tracing: there is none

func StartTrace() error { return errorString("tracing is not supported") }
func StopTrace()        {}
func ReadTrace() []byte { return nil }
