// The end of a program of C and Go that nobody saves: its message, and a trace of both. The first panic ends when its deferred call raises another; that
// one is recovered; the third is alone.
//
// judged by: test_go_mixed.py
package main

func Middle() { second() }

func main() {
	func() {
		defer func() { println("recovered", recover().(string)) }()
		first()
	}()
	outer()
}

//extern first
func first()

//extern second
func second()

//extern outer
func outer()
