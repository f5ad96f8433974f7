// Go's hello.
package main

func main() {
	println("hello from Go") // expect: hello from Go
}
