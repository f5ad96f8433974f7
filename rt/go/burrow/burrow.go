// Package burrow is what Burrow's scheduler offers beyond package runtime: import "burrow".
//
// Each function is a door of the runtime itself, as a C program calls it (rt/api/base.h). All of them are for the calling goroutine, from
// any goroutine; a goroutine started later has none of these properties.
package burrow

import "time"

// Cores returns the number of cores that the machine brought up: runtime.NumCPU.
func Cores() int { return int(cpuCount()) }

// Core returns the core that the caller runs on now. Only a pinned goroutine still runs there when it looks at the result.
func Core() int { return int(coreID()) }

// GoroutineID returns the number that traces show for the caller.
func GoroutineID() uint64 { return goroutineID() }

// Pin binds the caller to a core and moves it there; others still run on that core. False, and nothing is changed: there is no such core among the
// first GOMAXPROCS, or another goroutine owns it.
func Pin(core int) bool {
	if core < 0 || core >= Cores() {
		return false
	}
	return goroutinePin(int32(core))
}

// Unpin undoes Pin.
func Unpin() { goroutinePin(-1) }

// A Priority is a class of goroutines.
type Priority int32

const (
	High   Priority = iota // runs before all others, and preempts them when it wakes
	Normal                 // every goroutine begins as this
	Low                    // runs when nothing else on its core can
)

// SetPriority puts the caller into a class and returns its previous one. It panics if there is no such class.
func SetPriority(p Priority) Priority {
	if p < High || p > Low {
		panic("burrow.SetPriority: no such class")
	}
	return goroutinePriority(p)
}

// OwnCore gives the caller its present core for itself: what was queued there moves to others, and nothing else is scheduled there until OwnCore(false) or the
// caller's end. False, and nothing is changed: it is the last core that is shared, or other goroutines are pinned to it.
func OwnCore(on bool) bool { return goroutineOwnCore(on) }

// SetSlice sets how long a goroutine runs, on every core, before others that wait get their turn, at least 10 us, and returns the previous
// value; 10 ms at the start. Zero only asks.
func SetSlice(d time.Duration) time.Duration { return schedSetSlice(d) }

// ShareMap prepares a map for being written to by C functions while it is empty: C takes a map's type from the map, which does not know it before something is
// assigned in Go. It panics if m is not a map.
func ShareMap(m interface{}) { shareMap(m) }

//extern rt_go_share_map
func shareMap(m interface{})

//extern cpu_count
func cpuCount() int32

//extern core_id
func coreID() int32

//extern goroutine_id
func goroutineID() uint64

//extern goroutine_pin
func goroutinePin(core int32) bool

//extern goroutine_priority
func goroutinePriority(p Priority) Priority

//extern goroutine_own_core
func goroutineOwnCore(on bool) bool

//extern sched_set_slice
func schedSetSlice(d time.Duration) time.Duration
