package main

import (
	"fmt"
	"runtime"
	"strings"
)

// ---- C's functions (panics.c)

//extern deferring
func deferring(then int)

//extern raising
func raising(what int)

//extern catching
func catching(then int) int

//extern nested
func nested()

var order []string

// Note is called by what C defers.
func Note(s string) { order = append(order, s) }

// Then goes on as C's functions were told to: deeper, or to the panic.
func Then(what int) {
	defer Note("go:then")
	switch what {
	case 0:
	case 1:
		panic("from Go")
	case 2:
		var p *Point
		p.X++
	case 3:
		raising(3)
	case 4:
		runtime.Goexit()
	case 5:
		deferring(1)
	case 6:
		catching(1)
		Note("caught below")
	case 7:
		// Recovered inside; the way out is the normal one.
		func() {
			defer func() { Note(fmt.Sprint("inside:", recover())) }()
			deferring(1)
		}()
	case 8:
		raising(0)
	case 9:
		nested()
	}
}

func caught(f func()) (text string) {
	order = nil
	defer func() {
		text = fmt.Sprint(recover(), " | ", strings.Join(order, " "))
	}()
	f()
	return
}

func panics() {
	got := caught(func() { deferring(1) })
	check(got == "from Go | go:then c:second c:first", "order: "+got)
	for then := 0; then <= 9; then++ {
		if then != 4 {
			say(then, caught(func() { deferring(then) }))
		}
	}
	for _, then := range []int{0, 1, 2, 3, 5, 7, 8, 9} {
		n := 0
		say(then, caught(func() { n = catching(then) }), n)
	}
	for what := 0; what < 4; what++ {
		say("raised", what, caught(func() { raising(what) }))
	}

	// The goroutine's exit passes through both.
	done := make(chan string)
	for _, f := range []func(int){deferring, func(then int) { catching(then) }} {
		f := f
		order = nil
		go func() {
			defer func() { done <- fmt.Sprint(recover(), " | ", strings.Join(order, " ")) }()
			f(4)
			Note("came back")
		}()
		say("exit", <-done)
	}
}
