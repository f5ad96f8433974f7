// pipes.go waits for pipes of package os: Close and deadlines end a wait, and what goes through arrives.
// expect: close: none closed
// expect: write to it: write |1: broken pipe
// expect: close: none closed
// expect: what had fitted: 65536 none
// expect: over: deadline
// expect: soon: deadline true
// expect: moved: deadline
// expect: none: text none
// expect: full: 65536 deadline
// expect: raw: late none <nil>
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

func pipe() (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	return r, w
}

// name says which of the errors that os knows err is.
func name(err error) string {
	for text, known := range map[string]error{"none": nil, "closed": os.ErrClosed, "deadline": os.ErrDeadlineExceeded, "end": io.EOF} {
		if errors.Is(err, known) {
			return text
		}
	}
	return err.Error()
}

func main() {
	b := make([]byte, 1<<20)

	// A reader that waits, and Close.
	r, w := pipe()
	done := make(chan error)
	go func() { _, err := r.Read(b); done <- err }()
	time.Sleep(10 * time.Millisecond)
	fmt.Println("close:", name(r.Close()), name(<-done))
	_, err := w.Write([]byte("x"))
	fmt.Println("write to it:", err)
	w.Close()

	// A writer that waits because the pipe is full, and Close.
	r, w = pipe()
	go func() { _, err := w.Write(b); done <- err }()
	time.Sleep(10 * time.Millisecond)
	fmt.Println("close:", name(w.Close()), name(<-done))
	n, err := io.Copy(io.Discard, r)
	fmt.Println("what had fitted:", n, name(err))
	r.Close()

	// Deadlines: over already, soon, moved while somebody waits, and none again.
	r, w = pipe()
	r.SetReadDeadline(time.Now().Add(-time.Second))
	_, err = r.Read(b)
	fmt.Println("over:", name(err))
	start := time.Now()
	r.SetReadDeadline(start.Add(20 * time.Millisecond))
	_, err = r.Read(b)
	fmt.Println("soon:", name(err), time.Since(start) >= 20*time.Millisecond)
	r.SetReadDeadline(time.Now().Add(time.Hour))
	go func() { _, err := r.Read(b); done <- err }()
	time.Sleep(10 * time.Millisecond)
	r.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	fmt.Println("moved:", name(<-done))
	r.SetDeadline(time.Time{})
	go func() { w.Write([]byte("text")) }()
	k, err := r.Read(b)
	fmt.Println("none:", string(b[:k]), name(err))
	w.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	k, err = w.Write(b)
	fmt.Println("full:", k, name(err))

	// Everything arrives, also through many small waits, and records are used again.
	w.Close()
	r.Close()
	for i := 0; i < 300; i++ {
		r, w := pipe()
		r.SetReadDeadline(time.Now().Add(time.Duration(i%3) * time.Minute))
		go func() {
			for j := 0; j < 100; j++ {
				w.Write(b[:i*7])
			}
			w.Close()
		}()
		r.SetReadDeadline(time.Time{})
		n, err := io.Copy(io.Discard, r)
		if n != int64(i*700) || err != nil {
			fmt.Println(i, n, err)
		}
		r.Close()
	}

	// The file's own descriptor waits by itself again.
	r, w = pipe()
	fd := r.Fd()
	go func() { time.Sleep(10 * time.Millisecond); w.Write([]byte("late")) }()
	k, err = os.NewFile(fd, "raw").Read(b)
	fmt.Println("raw:", string(b[:k]), name(err), r.SetReadDeadline(time.Now()))
}
