package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
)

const pieceBytes = 64 << 10

// cutFiles cuts all regular files below root, in the order of their paths as bytes, into pieces; errors counts the directories and files that
// could not be read, which are named on the console. (A walk's own order is another: "a.b" comes before "a/b", the directory "a" before both.)
func cutFiles(root string) (pieces []*piece, errors int) {
	sizes := map[string]int64{}
	var paths []string
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil && d.Type().IsRegular() {
			if info, err = d.Info(); err == nil {
				paths = append(paths, path)
				sizes[path] = info.Size()
			}
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "gowordfreq: %v\n", err)
			errors++
		}
		return nil
	})
	sort.Strings(paths)
	for _, path := range paths {
		for at := int64(0); at < sizes[path]; at += pieceBytes {
			bytes := sizes[path] - at
			if bytes > pieceBytes {
				bytes = pieceBytes
			}
			pieces = append(pieces, &piece{path: path, from: at, bytes: int(bytes)})
		}
	}
	return pieces, errors
}
