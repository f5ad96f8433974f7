// stdin.go -- reads standard input while other goroutines go on.
// judged by: tests/test_go_input.py
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	others := make(chan bool)
	go func() {
		for i := 0; i < 20; i++ {
			time.Sleep(time.Millisecond)
		}
		fmt.Println("others run")
		others <- true
	}()
	fmt.Println("your name?")
	in := bufio.NewReader(os.Stdin)
	name, err := in.ReadString('\n')
	fmt.Printf("hello %s, %v\n", strings.TrimSpace(name), err)
	var a, b int
	n, err := fmt.Fscan(in, &a, &b)
	fmt.Println(n, err, a+b)
	rest, err := io.ReadAll(in)
	fmt.Printf("%d lines more, %v\n", strings.Count(string(rest), "x\n"), err)
	n, err = os.Stdin.Read(make([]byte, 1))
	fmt.Println(n, err)
	<-others
}
