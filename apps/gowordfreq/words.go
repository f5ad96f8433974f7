package main

import (
	"io"
	"os"
)

type counts map[string]int // words, in lower case, and how often they occurred

// A piece of a file: the unit of work. Made by cutFiles, filled in by the worker that takes it from the channel, read by main when the workers
// are done.
//
// A word may go on in the next piece, even in the next file, as in the output of cat. So a worker does not count the letters that a piece begins or
// ends with; joinEdges does.
type piece struct {
	path       string
	from       int64
	bytes      int
	head, tail string // letters that it begins and ends with; no tail if there is nothing but head
	allLetters bool   // nothing but head
	err        error
}

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }

func lower(text []byte) string {
	word := make([]byte, len(text))
	for i, c := range text {
		word[i] = c | 32
	}
	return string(word)
}

// letters returns how many letters text begins with.
func letters(text []byte) int {
	n := 0
	for n < len(text) && isLetter(text[n]) {
		n++
	}
	return n
}

func split(text []byte) (words []string) {
	for len(text) > 0 {
		n := letters(text)
		if n > 0 {
			words = append(words, lower(text[:n]))
		} else {
			n = 1
		}
		text = text[n:]
	}
	return words
}

func (p *piece) read() ([]byte, error) {
	f, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text := make([]byte, p.bytes)
	_, err = io.ReadFull(io.NewSectionReader(f, p.from, int64(p.bytes)), text)
	return text, err
}

// count counts the words, but for head and tail.
func (p *piece) count(c counts) {
	text, err := p.read()
	if err != nil {
		p.err = err
		return
	}
	head, tail := letters(text), 0
	p.head, p.allLetters = lower(text[:head]), head == len(text)
	if p.allLetters {
		return
	}
	for isLetter(text[len(text)-1-tail]) {
		tail++
	}
	p.tail = lower(text[len(text)-tail:])
	for _, word := range split(text[head : len(text)-tail]) {
		c[word]++
	}
}

// joinEdges counts the words that heads and tails make.
func joinEdges(pieces []*piece, c counts) {
	word := ""
	for _, p := range pieces {
		if p.err != nil {
			continue
		}
		word += p.head
		if p.allLetters {
			continue
		}
		if word != "" {
			c[word]++
		}
		word = p.tail
	}
	if word != "" {
		c[word]++
	}
}
