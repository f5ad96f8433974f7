// Wordfreq in Go: the most frequent words of all files packed into the image, counted on all cores at once. The same as apps/wordfreq, which is in C, and
// the same output; see there for what the words are.
//
//	make run APP=apps/gowordfreq FILES=/usr/share/common-licenses CMDLINE="GODEBUG=gctrace=1 GOGC=10"
//	gowordfreq [--top=N] [DIR]
//
//	main --pieces--> a worker for each core, each with its own map --maps--> main, which adds them up
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
)

const most = 1000 // of --top

func work(pieces <-chan *piece, done chan<- counts) {
	c := counts{}
	for p := range pieces {
		p.count(c)
	}
	done <- c
}

func countAll(pieces []*piece, workers int) counts {
	to, done := make(chan *piece, workers), make(chan counts)
	for i := 0; i < workers; i++ {
		go work(to, done)
	}
	for _, p := range pieces {
		to <- p
	}
	close(to)
	all := counts{}
	for i := 0; i < workers; i++ {
		for word, n := range <-done {
			all[word] += n
		}
	}
	joinEdges(pieces, all)
	return all
}

func printTop(c counts, top int) {
	words := make([]string, 0, len(c))
	for word := range c {
		words = append(words, word)
	}
	sort.Slice(words, func(i, j int) bool {
		if a, b := c[words[i]], c[words[j]]; a != b {
			return a > b
		}
		return words[i] < words[j]
	})
	if len(words) > top {
		words = words[:top]
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, word := range words {
		fmt.Fprintln(out, c[word], word)
	}
}

func run() (errors int) {
	root, top := "", 50
	for _, arg := range os.Args[1:] {
		n, err := strconv.Atoi(strings.TrimPrefix(arg, "--top="))
		switch {
		case strings.HasPrefix(arg, "--top=") && err == nil && n > 0 && n <= most:
			top = n
		case !strings.HasPrefix(arg, "-") && root == "":
			root = arg
		default:
			fmt.Fprintf(os.Stderr, "gowordfreq: %q: expected [--top=1..%d] [DIR]\n", arg, most)
			return 1
		}
	}
	if root == "" {
		root = "."
	}
	pieces, errors := cutFiles(root)
	c := countAll(pieces, runtime.GOMAXPROCS(0))
	for _, p := range pieces {
		if p.err != nil {
			fmt.Fprintf(os.Stderr, "gowordfreq: %v\n", p.err)
			errors++
		}
	}
	printTop(c, top)
	return errors
}

func main() {
	if run() != 0 {
		os.Exit(1)
	}
}
