// files.go -- files in memory below /tmp, the packed tree that cannot be changed, pipes, devices, the environment.
// args: ENV=LANG=C ENV=WORDS=two ENV=LANG=de ENV=EMPTY= "ENV=SPACED=a b" -- one "two three"
// expect: ok
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

func check(ok bool, what string, args ...interface{}) {
	if !ok {
		fmt.Printf("wrong: "+what+"\n", args...)
		os.Exit(1)
	}
}
func no(err error) {
	if err != nil {
		panic(err)
	}
}

//extern fcntl64
func fcntl64(fd, cmd int32, arg int) int

func environment() {
	check(os.Getenv("LANG") == "de" && os.Getenv("WORDS") == "two" && os.Getenv("SPACED") == "a b", "environment %q", os.Environ())
	v, there := os.LookupEnv("EMPTY")
	check(there && v == "", "EMPTY")
	_, there = os.LookupEnv("HOME")
	check(!there, "HOME")
	no(os.Setenv("HOME", "/tmp"))
	check(os.ExpandEnv("$HOME/x") == "/tmp/x", "Setenv")
	no(os.Unsetenv("LANG"))
	env := os.Environ()
	sort.Strings(env)
	check(strings.Join(env, "|") == "EMPTY=|HOME=/tmp|SPACED=a b|WORDS=two", "Environ %q", env)
	check(len(os.Args) == 3 && os.Args[1] == "one" && os.Args[2] == "two three", "Args %q", os.Args)
	name, err := os.Hostname()
	check(err == nil && name == "burrow" && os.Getpid() == 1, "Hostname %v %v", name, err)
	mapped, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	check(mapped == nil && err == syscall.ENOSYS, "Mmap %v", err)
}

func contents() {
	dir, err := os.MkdirTemp("", "files")
	no(err)
	name := filepath.Join(dir, "data")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0640)
	no(err)
	big := make([]byte, 300000)
	for i := range big {
		big[i] = byte(i * 7 >> 3)
	}
	n, err := f.Write(big)
	check(n == len(big) && err == nil, "Write %d %v", n, err)
	no2 := func(_ int64, err error) { no(err) }
	no2(f.Seek(-10, io.SeekEnd))
	tail, err := io.ReadAll(f)
	check(err == nil && bytes.Equal(tail, big[len(big)-10:]), "tail %v", tail)
	_, err = f.WriteAt([]byte("beyond"), 5<<20)
	no(err)
	hole := make([]byte, 100)
	_, err = f.ReadAt(hole, 1<<20)
	check(err == nil && bytes.Count(hole, []byte{0}) == 100, "hole")
	st, err := f.Stat()
	check(err == nil && st.Size() == 5<<20+6 && st.Mode() == 0640 && time.Since(st.ModTime()) < time.Hour, "Stat %v", st)
	no(f.Truncate(4097))
	no(f.Truncate(9000))
	got, err := os.ReadFile(name)
	check(err == nil && len(got) == 9000 && bytes.Equal(got[:4097], big[:4097]) && bytes.Count(got[4097:], []byte{0}) == 9000-4097, "Truncate")
	_, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0600)
	check(os.IsExist(err), "O_EXCL %v", err)

	a, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	no(err)
	fmt.Fprint(a, "end")
	_, err = a.Read(hole)
	check(err != nil, "read of a file opened for writing")
	no(a.Close())
	check(a.Close() != nil, "closed twice")

	// Set later on, and taken back.
	flags := func(how int) {
		r := fcntl64(int32(f.Fd()), syscall.F_SETFL, how)
		check(r == 0, "F_SETFL: %d", r)
	}
	no2(f.Seek(0, io.SeekStart))
	flags(syscall.O_APPEND)
	fmt.Fprint(f, "!")
	flags(0)
	no2(f.Seek(9003, io.SeekStart))
	fmt.Fprint(f, "?")

	// Removed while open: it stays readable.
	no(os.Remove(name))
	_, err = os.Stat(name)
	check(os.IsNotExist(err), "removed %v", err)
	no2(f.Seek(9000, io.SeekStart))
	rest, err := io.ReadAll(f)
	check(string(rest) == "end?" && err == nil, "rest %q %v", rest, err)
	no(f.Close())
	no(os.Remove(dir))
}

func directories() {
	no(os.MkdirAll("/tmp/a/b/c", 0755))
	check(os.IsExist(os.Mkdir("/tmp/a", 0755)), "Mkdir of what is there")
	for _, name := range []string{"z", "y", "x"} {
		no(os.WriteFile("/tmp/a/"+name, []byte(name), 0600))
	}
	no(os.Symlink("../a/x", "/tmp/a/link"))
	to, err := os.Readlink("/tmp/a/link")
	check(err == nil && to == "../a/x", "Readlink %q %v", to, err)
	text, err := os.ReadFile("/tmp/a/link")
	check(err == nil && string(text) == "x", "through a link %q %v", text, err)
	no(os.Symlink("loop", "/tmp/a/loop"))
	_, err = os.Open("/tmp/a/loop")
	check(err != nil && strings.Contains(err.Error(), "too many levels"), "loop %v", err)
	no(os.Remove("/tmp/a/loop"))
	list := func(dir string) string {
		entries, err := os.ReadDir(dir)
		no(err)
		var names []string
		for _, e := range entries {
			names = append(names, fmt.Sprint(e.Name(), e.Type()))
		}
		return strings.Join(names, " ")
	}
	check(list("/tmp/a") == "bd--------- linkL--------- x---------- y---------- z----------", "ReadDir %q", list("/tmp/a"))
	check(strings.Contains(list("/"), "tmpd") && strings.Contains(list("/"), "devd"), "root %q", list("/"))
	check(list("/dev") == "nullDc--------- randomDc--------- urandomDc--------- zeroDc---------", "dev %q", list("/dev"))

	no(os.Rename("/tmp/a/x", "/tmp/a/b/x"))
	check(errors.Is(os.Rename("/tmp/a", "/tmp/a/b/d"), fs.ErrInvalid) || os.Rename("/tmp/a", "/tmp/a/b/d") != nil, "into itself")
	no(os.Rename("/tmp/a/b", "/tmp/a/d"))
	check(list("/tmp/a/d") == "cd--------- x----------", "renamed %q", list("/tmp/a/d"))
	no(os.Rename("/tmp/a/y", "/tmp/a/z"))
	text, err = os.ReadFile("/tmp/a/z")
	check(string(text) == "y" && err == nil, "rename over %q %v", text, err)
	check(os.Remove("/tmp/a/d") != nil && os.Remove("/tmp") != nil, "Remove of a full directory")

	no(os.Chdir("/tmp/a/d/c"))
	wd, err := os.Getwd()
	check(wd == "/tmp/a/d/c" && err == nil, "Getwd %q %v", wd, err)
	_, err = os.Stat("../x")
	no(err)
	_, err = os.Stat("../x/")
	check(err != nil, "x/ is no directory")
	no(os.Chdir("/"))
	when := time.Unix(1000000000, 5)
	no(os.Chtimes("/tmp/a/z", when, when))
	no(os.Chmod("/tmp/a/z", 0400))
	st, err := os.Stat("/tmp/a/z")
	check(err == nil && st.ModTime().Equal(when) && st.Mode() == 0400, "Chtimes %v", st)
	no(os.RemoveAll("/tmp/a"))
	check(list("/tmp") == "", "RemoveAll %q", list("/tmp"))

	// The packed tree is for reading; other machines are far away.
	for _, err := range []error{os.WriteFile("/new", nil, 0600), os.Mkdir("/new", 0755), os.Symlink("/tmp", "/new")} {
		check(err != nil && strings.Contains(err.Error(), "read-only file system"), "%v", err)
	}
	_, err = os.Open("/nowhere/x")
	check(os.IsNotExist(err), "nowhere %v", err)
	_, err = os.Open("/tmp/" + strings.Repeat("n", 300))
	check(err != nil && strings.Contains(err.Error(), "name too long"), "%v", err)
	_, err = os.StartProcess("/bin/sh", nil, &os.ProcAttr{})
	check(err != nil, "StartProcess")
}

// Directories that are removed while they are open, or current: they stay, empty, and nothing gets into them any more.
func removed() {
	getwd := func() string {
		var buf [500]byte
		n, err := syscall.Getcwd(buf[:])
		if err != nil {
			return err.Error()
		}
		return string(buf[:n-1])
	}
	same := func(a, b string) bool {
		one, err := os.Stat(a)
		no(err)
		two, err := os.Stat(b)
		no(err)
		return os.SameFile(one, two)
	}
	for _, dir := range []string{"/tmp/r", "/tmp/r/gone", "/tmp/r/other", "/tmp/r/new", "/tmp/r/old"} {
		no(os.Mkdir(dir, 0755))
	}
	fd, err := syscall.Open("/tmp/r/gone", syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	no(err)
	no(os.Remove("/tmp/r/gone"))
	_, err = syscall.Openat(fd, "f", syscall.O_CREAT|syscall.O_RDWR, 0644)
	check(err == syscall.ENOENT, "a file made in a removed directory: %v", err)
	err = syscall.Renameat(-100, "/tmp/r/other", fd, "moved")
	check(err == syscall.ENOENT, "moved into a removed directory: %v", err)
	err = syscall.Mkdirat(fd, "d", 0755)
	check(err == syscall.ENOENT, "a directory made in a removed one: %v", err)
	no(syscall.Fchdir(fd))
	no(syscall.Close(fd))
	check(getwd() == "no such file or directory", "removed, then entered: %s", getwd())

	for _, leave := range []func() error{
		func() error { return syscall.Rename("/tmp/r/new", "/tmp/r/old") },
		func() error { return syscall.Rmdir("/tmp/r/old") },
	} {
		no(os.Chdir("/tmp/r/old"))
		check(getwd() == "/tmp/r/old", "before %s", getwd())
		no(leave())
		for i := 0; i < 10; i++ { // they would get its memory
			no(os.WriteFile(fmt.Sprint("/tmp/r/file", i), nil, 0600))
		}
		check(getwd() == "no such file or directory", "current directory removed: %s", getwd())
		err = os.WriteFile("inside", nil, 0600)
		check(os.IsNotExist(err), "in a current directory that is removed: %v", err)
		check(same("..", "/tmp/r"), ".. of a removed directory is not where it was")
	}

	// It keeps the directory above, which may be removed as well, or get another name.
	no(os.MkdirAll("/tmp/r/x/y/z", 0755))
	no(os.Chdir("/tmp/r/x/y/z"))
	y, err := os.Stat("..")
	no(err)
	no(syscall.Rmdir("/tmp/r/x/y/z"))
	no(syscall.Rmdir("/tmp/r/x/y"))
	for i := 10; i < 20; i++ {
		no(os.WriteFile(fmt.Sprint("/tmp/r/file", i), nil, 0600))
	}
	no(os.Rename("/tmp/r/x", "/tmp/r/renamed"))
	above, err := os.Stat("..")
	check(err == nil && os.SameFile(above, y), ".. of a removed directory in a removed one: %v", err)
	check(same("../..", "/tmp/r/renamed"), "../.. of a removed directory")
	err = os.WriteFile("../file", nil, 0600)
	check(os.IsNotExist(err), "made in the removed directory above: %v", err)
	no(os.Chdir(".."))
	check(getwd() == "no such file or directory", "entered by ..: %s", getwd())
	no(os.Chdir(".."))
	check(getwd() == "/tmp/r/renamed", "left by ..: %s", getwd())
	no(os.Chdir("/"))
	check(syscall.Rmdir("/tmp/r/other/.") == syscall.EINVAL && syscall.Rmdir("/tmp/r/other/..") == syscall.ENOTEMPTY, "Rmdir of dots")
	check(syscall.Rename("/tmp/r/other/.", "/tmp/r/x") == syscall.EBUSY && syscall.Rename("/tmp/r/other", "/tmp/r/other/.") == syscall.EBUSY, "Rename of dots")
	no(os.RemoveAll("/tmp/r"))
}

func devices() {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	no(err)
	n, err := null.Write(make([]byte, 100000))
	check(n == 100000 && err == nil, "null %d %v", n, err)
	n, err = null.Read(make([]byte, 1))
	check(n == 0 && err == io.EOF, "null %d %v", n, err)
	no(null.Close())
}

func pipes() {
	r, w, err := os.Pipe()
	no(err)
	var all sync.WaitGroup
	for i := 0; i < 4; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for k := 0; k < 50; k++ {
				n, err := w.Write(bytes.Repeat([]byte{byte('a' + i)}, 5000))
				check(n == 5000 && err == nil, "pipe %d %v", n, err)
			}
		}(i)
	}
	go func() {
		all.Wait()
		w.Close()
	}()
	got, err := io.ReadAll(r)
	check(err == nil && len(got) == 4*50*5000, "pipe gave %d %v", len(got), err)
	for i := 0; i < 4; i++ {
		check(bytes.Count(got, []byte{byte('a' + i)}) == 50*5000, "pipe's letters")
	}
	no(r.Close())
	r, w, err = os.Pipe()
	no(err)
	no(r.Close())
	_, err = w.Write([]byte("x"))
	check(err != nil && strings.Contains(err.Error(), "broken pipe"), "broken pipe %v", err)
	no(w.Close())
}

// All descriptors in use: a pipe that needs two of the one that is left takes none, and what it made is given back.
func descriptors() {
	var fds []int
	for round := 0; round < 2; round++ {
		for { // two at a time, of 253
			var p [2]int
			if err := syscall.Pipe(p[:]); err != nil {
				check(err == syscall.EMFILE, "too many pipes: %v", err)
				break
			}
			fds = append(fds, p[0], p[1])
		}
		for i := 0; i < 20000; i++ { // of 64 KB each
			var p [2]int
			err := syscall.Pipe(p[:])
			check(err == syscall.EMFILE && p == [2]int{}, "pipe %d too many: %v %v", i, p, err)
		}
		for {
			fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY, 0)
			if err != nil {
				check(err == syscall.EMFILE, "too many files: %v", err)
				break
			}
			fds = append(fds, fd)
		}
		check(len(fds) == 253, "%d descriptors", len(fds))
		for _, fd := range fds {
			no(syscall.Close(fd))
		}
		fds = fds[:0]
	}
}

// Goroutines in one directory at once.
func together() {
	var all sync.WaitGroup
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for k := 0; k < 400; k++ {
				name := fmt.Sprintf("/tmp/t%d", (i+k)%8)
				no(os.WriteFile(name+fmt.Sprint(".", i), bytes.Repeat([]byte{byte(i)}, 6000), 0600))
				no(os.Rename(name+fmt.Sprint(".", i), name))
				if data, err := os.ReadFile(name); err == nil {
					check(len(data) == 6000 && bytes.Count(data, data[:1]) == 6000, "torn file")
				}
			}
		}(i)
	}
	all.Wait()
	names, _ := filepath.Glob("/tmp/t*")
	check(len(names) == 8, "Glob %q", names)
	for _, name := range names {
		no(os.Remove(name))
	}
}

func main() {
	environment()
	contents()
	directories()
	removed()
	devices()
	pipes()
	descriptors()
	together()
	fmt.Println("ok")
}
