// Go_header writes the C header of a program of both languages: go_header PACKAGE-FILES > go.h, names of rt/burrow.h's functions on stdin.
//
// It declares, for every C file of the program, the functions of package main whose names begin with a capital letter (Go's F is C's main_F) and those that
// Go declares by //extern, as Go sees them: a C function that is defined otherwise does not compile. Types that they use are declared, too.
//
// What cannot cross is said in a comment instead: functions with interfaces, func values, arrays or complex numbers.
package main

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"unicode"
)

var basic = map[string]string{"bool": "bool", "int": "long", "int8": "i8", "int16": "i16", "int32": "int", "int64": "i64", "rune": "int", "uint": "ulong",
	"uint8": "u8", "byte": "u8", "uint16": "u16", "uint32": "uint", "uint64": "u64", "uintptr": "uintptr_t", "float32": "float", "float64": "double",
	"string": "String"}

// What the declared functions need, in the order of declaration.
type header struct {
	fset    *token.FileSet
	types   map[string]*ast.TypeSpec
	made    map[string]bool
	byValue map[string]bool // structs with pointers, how they are used
	byCell  map[string]bool
	text    strings.Builder
	failed  bool
}

type cannot string

func (h *header) fail(at token.Pos, format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "%s: error: %s\n", h.fset.Position(at), fmt.Sprintf(format, args...))
	h.failed = true
}

func (h *header) once(name, format string, args ...interface{}) {
	if !h.made[name] {
		h.made[name] = true
		fmt.Fprintf(&h.text, format, args...)
	}
}

// name returns the C type of e as one identifier, by which C's channels and maps know it.
func (h *header) name(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		to := h.ctype(star.X, true)
		if strings.ContainsAny(to, " (*") {
			panic(cannot("a pointer to " + to))
		}
		h.once(to+"Ptr", "typedef %s *%sPtr;\nTYPE_POINTER(%sPtr);\n", to, to, to)
		return to + "Ptr"
	}
	c := h.ctype(e, false)
	if strings.ContainsAny(c, " (*") {
		panic(cannot("a channel, map or slice of " + c))
	}
	return c
}

// ctype returns the C type of e, declaring what it needs. pointed: only a pointer to it is used.
func (h *header) ctype(e ast.Expr, pointed bool) string {
	switch t := e.(type) {
	case *ast.ParenExpr:
		return h.ctype(t.X, pointed)
	case *ast.Ident:
		if spec := h.types[t.Name]; spec != nil {
			return h.named(spec, pointed)
		}
		if c := basic[t.Name]; c != "" {
			return c
		}
		panic(cannot(t.Name))
	case *ast.SelectorExpr:
		if x, ok := t.X.(*ast.Ident); ok && x.Name == "unsafe" && t.Sel.Name == "Pointer" {
			return "Ptr"
		}
		panic(cannot("a type of another package"))
	case *ast.StarExpr:
		return h.ctype(t.X, true) + " *"
	case *ast.ChanType:
		return "chan(" + h.name(t.Value) + ")"
	case *ast.MapType:
		k, v := h.name(t.Key), h.name(t.Value)
		h.once("map "+k+" "+v, "TYPE_MAP(%s, %s);\n", k, v)
		return "map(" + k + ", " + v + ")"
	case *ast.ArrayType:
		if t.Len == nil {
			return h.slice(t.Elt)
		}
		panic(cannot("an array"))
	case *ast.Ellipsis:
		return h.slice(t.Elt)
	case *ast.InterfaceType:
		panic(cannot("an interface"))
	case *ast.FuncType:
		panic(cannot("a func value"))
	}
	panic(cannot("this type"))
}

func (h *header) slice(elem ast.Expr) string {
	if star, ok := elem.(*ast.StarExpr); ok {
		to := h.ctype(star.X, true)
		h.once(to+"Cell", "TYPE_CELL(%sCell, %s *);\nTYPE_SLICE(%sCell);\n", to, to, to)
		return "slice(" + to + "Cell)"
	}
	c := h.name(elem)
	if c == "String" {
		c = "StringCell"
	} else if c == "uintptr_t" {
		c = "ulong"
	} else if h.made[c] { // a struct
		h.byCell[c] = true
		h.once("slice "+c, "TYPE_SLICE(%s);\n", c)
	}
	return "slice(" + c + ")"
}

func (h *header) named(spec *ast.TypeSpec, pointed bool) string {
	name := spec.Name.Name
	s, ok := spec.Type.(*ast.StructType)
	if !ok {
		if _, ok := spec.Type.(*ast.Ident); !ok || spec.Assign != token.NoPos {
			return h.ctype(spec.Type, pointed)
		}
		c := h.ctype(spec.Type, pointed)
		h.once(name, "typedef %s %s;\n", c, name)
		return c
	}
	if pointed {
		h.byCell[name] = true
	} else {
		h.byValue[name] = true
	}
	if !h.made[name] {
		h.made[name] = true
		h.structure(name, s, pointed)
	}
	return name
}

// A struct that C reaches by a pointer has cells where pointers are; one that is only passed has plain pointers.
func (h *header) structure(name string, s *ast.StructType, cells bool) {
	var fields, pointers []string
	fmt.Fprintf(&h.text, "typedef struct %s %s;\n", name, name)
	for _, f := range s.Fields.List {
		if len(f.Names) == 0 {
			panic(cannot("an embedded field of " + name))
		}
		elem, count := f.Type, ""
		if a, ok := elem.(*ast.ArrayType); ok && a.Len != nil {
			n, ok := a.Len.(*ast.BasicLit)
			if !ok {
				panic(cannot("an array of " + name))
			}
			elem, count = a.Elt, "["+n.Value+"]"
		}
		c := h.ctype(elem, false)
		pointer := c == "String" || c == "Ptr" || strings.ContainsAny(c, "(*")
		for _, id := range f.Names {
			field := id.Name
			if field == "_" {
				panic(cannot("a blank field of " + name))
			}
			if pointer {
				listed := field
				if count != "" {
					listed = "each(" + field + ")"
				}
				pointers = append(pointers, listed)
			}
			if pointer && cells {
				c = "cell(" + h.ctype(elem, false) + ")"
			}
			fields = append(fields, fmt.Sprintf("    %s %s%s;\n", c, field, count))
		}
	}
	if len(pointers) == 0 {
		delete(h.byValue, name) // may be used either way
	}
	fmt.Fprintf(&h.text, "struct %s {\n%s};\n", name, strings.Join(fields, ""))
	list := strings.Join(append([]string{name}, pointers...), ", ")
	switch {
	case len(pointers) == 0:
		fmt.Fprintf(&h.text, "TYPE_NOSCAN(%s);\n", name)
	case cells:
		fmt.Fprintf(&h.text, "TYPE_STRUCT(%s);\n", list)
	default:
		fmt.Fprintf(&h.text, "TYPE_VALUE(%s);\n", list)
	}
	h.made["plain "+name] = len(pointers) == 0
}

func (h *header) function(f *ast.FuncDecl, c, symbol string) {
	before := h.text.String()
	defer func() {
		if why, ok := recover().(cannot); ok {
			h.text.Reset()
			fmt.Fprintf(&h.text, "%s// %s: not for C: %s\n", before, c, string(why))
		}
	}()
	var args, results []string
	add := func(list *ast.FieldList, to *[]string) {
		if list == nil {
			return
		}
		for _, field := range list.List {
			t := h.ctype(field.Type, false)
			*to = append(*to, t)
			for i := 1; i < len(field.Names); i++ {
				*to = append(*to, t)
			}
		}
	}
	add(f.Type.Params, &args)
	add(f.Type.Results, &results)
	result := "void"
	if len(results) == 1 {
		result = results[0]
	} else if len(results) > 1 {
		result = "struct " + c + "_result"
		fmt.Fprintf(&h.text, "%s {\n", result)
		for i, r := range results {
			fmt.Fprintf(&h.text, "    %s r%d;\n", r, i)
		}
		h.text.WriteString("};\n")
	}
	if len(args) == 0 {
		args = []string{"void"}
	}
	fmt.Fprintf(&h.text, "__typeof__(%s) %s(%s)", result, c, strings.Join(args, ", "))
	if symbol != "" {
		fmt.Fprintf(&h.text, " __asm__(\"%s\")", symbol)
	}
	fmt.Fprintf(&h.text, "; // %s\n", h.fset.Position(f.Pos()))
}

func externName(doc *ast.CommentGroup) string {
	if doc != nil {
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//extern ") {
				return strings.TrimSpace(c.Text[len("//extern "):])
			}
		}
	}
	return ""
}

func plainASCII(s string) bool {
	for _, r := range s {
		if r > unicode.MaxASCII {
			return false
		}
	}
	return true
}

func main() {
	doors := map[string]bool{}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		doors[in.Text()] = true
	}
	h := &header{fset: token.NewFileSet(), types: map[string]*ast.TypeSpec{}, made: map[string]bool{}, byValue: map[string]bool{}, byCell: map[string]bool{}}
	var files []*ast.File
	for _, path := range os.Args[1:] {
		file, err := parser.ParseFile(h.fset, path, nil, parser.ParseComments)
		if err != nil {
			return // the compiler says it better
		}
		files = append(files, file)
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				for _, s := range g.Specs {
					h.types[s.(*ast.TypeSpec).Name.Name] = s.(*ast.TypeSpec)
				}
			}
		}
	}
	h.text.WriteString("// Made by scripts/go_header from the program's Go files: docs/go.md.\n#pragma once\n#include \"rt/burrow.h\"\n\n")
	for _, file := range files {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			if c := externName(f.Doc); f.Body == nil && c != "" {
				if !doors[c] {
					h.function(f, c, "")
				}
			} else if f.Body != nil && ast.IsExported(f.Name.Name) && plainASCII(f.Name.Name) {
				h.function(f, "main_"+f.Name.Name, "main."+f.Name.Name)
			}
		}
	}
	for name := range h.byValue {
		if h.byCell[name] && !h.made["plain "+name] {
			h.fail(h.types[name].Pos(), "%s has pointers, and C sees it both as a value and by pointer, which are two types there (docs/language.md): pass *%s always", name, name)
		}
	}
	if h.failed {
		os.Exit(1)
	}
	fmt.Print(h.text.String())
}
