// Package runtime: the part of Burrow's runtime that is Go itself, because it has methods or types that programs see. Everything
// else is C, in rt and rt/go.
package runtime

import "unsafe"

// An Error is a panic value that the runtime raised.
type Error interface {
	error
	RuntimeError()
}

// A TypeAssertionError explains a failed type assertion. The descriptors are Type of rt/type.h.
type TypeAssertionError struct {
	_interface    *rtype
	concrete      *rtype
	asserted      *rtype
	missingMethod string
}

type rtype struct {
	size, ptrdata             uintptr
	hash                      uint32
	tflag, align, field, kind uint8
	equal                     unsafe.Pointer
	gcdata                    *byte
	str                       *string
	uncommon                  *uncommon
	ptrTo                     *rtype
}

type uncommon struct {
	name, pkgPath *string
}

// Type texts bracket package paths with tabs: what people see leaves the path out.
func (t *rtype) text() string {
	s := *t.str
	plain := true
	for i := 0; i < len(s); i++ {
		if s[i] == '\t' {
			plain = false
		}
	}
	if plain {
		return s
	}
	b := make([]byte, 0, len(s))
	path := false
	for i := 0; i < len(s); i++ {
		if s[i] == '\t' {
			path = !path
		} else if !path {
			b = append(b, s[i])
		}
	}
	return string(b)
}

func (t *rtype) pkgPath() string {
	if t.uncommon != nil && t.uncommon.pkgPath != nil {
		return *t.uncommon.pkgPath
	}
	return ""
}

func (*TypeAssertionError) RuntimeError() {}

func (e *TypeAssertionError) Error() string {
	inter := "interface"
	if e._interface != nil {
		inter = e._interface.text()
	}
	as := e.asserted.text()
	if e.concrete == nil {
		return "interface conversion: " + inter + " is nil, not " + as
	}
	cs := e.concrete.text()
	if e.missingMethod == "" {
		msg := "interface conversion: " + inter + " is " + cs + ", not " + as
		if cs == as {
			if e.concrete.pkgPath() != e.asserted.pkgPath() {
				msg += " (types from different packages)"
			} else {
				msg += " (types from different scopes)"
			}
		}
		return msg
	}
	return "interface conversion: " + cs + " is not " + as + ": missing method " + e.missingMethod
}

// An errorString is a runtime error with a fixed text.
type errorString string

func (e errorString) RuntimeError() {}
func (e errorString) Error() string { return "runtime error: " + string(e) }

// A plainError is one whose text stands for itself: close of nil channel, ...
type plainError string

func (e plainError) RuntimeError() {}
func (e plainError) Error() string { return string(e) }

// A boundsError is an index or slice expression out of range; code says which, in the order of rt/go/error.c.
type boundsError struct {
	x      int64
	y      int
	signed bool
	code   uint8
}

func (e boundsError) RuntimeError() {}

func (e boundsError) Error() string {
	formats := &boundsFormats
	if e.signed && e.x < 0 {
		formats = &boundsNegative
	}
	b := []byte("runtime error: ")
	format := formats[e.code]
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' {
			b = append(b, c)
			continue
		}
		i++
		if format[i] == 'x' {
			b = appendInt(b, e.x, e.signed)
		} else {
			b = appendInt(b, int64(e.y), true)
		}
	}
	return string(b)
}

var boundsFormats = [...]string{
	"index out of range [%x] with length %y",
	"slice bounds out of range [:%x] with length %y",
	"slice bounds out of range [:%x] with capacity %y",
	"slice bounds out of range [%x:%y]",
	"slice bounds out of range [::%x] with length %y",
	"slice bounds out of range [::%x] with capacity %y",
	"slice bounds out of range [:%x:%y]",
	"slice bounds out of range [%x:%y:]",
	"cannot convert slice with length %x to pointer to array with length %y",
}

var boundsNegative = [...]string{
	"index out of range [%x]",
	"slice bounds out of range [:%x]",
	"slice bounds out of range [:%x]",
	"slice bounds out of range [%x:]",
	"slice bounds out of range [::%x]",
	"slice bounds out of range [::%x]",
	"slice bounds out of range [:%x:]",
	"slice bounds out of range [%x::]",
	"cannot convert slice with length %x to pointer to array with length %y",
}

func appendInt(b []byte, v int64, signed bool) []byte {
	u := uint64(v)
	if signed && v < 0 {
		b = append(b, '-')
		u = -u
	}
	var digits [20]byte
	i := len(digits)
	for {
		i--
		digits[i] = byte('0' + u%10)
		u /= 10
		if u == 0 {
			return append(b, digits[i:]...)
		}
	}
}

// What debug.SetPanicOnFault makes of a bad access: it knows the address.
type errorAddressString struct {
	text string
	addr uintptr
}

func (e errorAddressString) RuntimeError() {}
func (e errorAddressString) Error() string { return "runtime error: " + e.text }
func (e errorAddressString) Addr() uintptr { return e.addr }

// ---- called by C (rt/go/error.c, iface.c, syscall.c)

//go:linkname burrowRaiseAt runtime.burrowRaiseAt
func burrowRaiseAt(text string, addr uintptr) { panic(Error(errorAddressString{text, addr})) }

//go:linkname burrowRaise runtime.burrowRaise
func burrowRaise(text string, runtimeError bool) {
	if runtimeError {
		panic(Error(errorString(text)))
	}
	panic(Error(plainError(text)))
}

//go:linkname burrowRaiseBounds runtime.burrowRaiseBounds
func burrowRaiseBounds(x int64, y int, signed bool, code uint8) {
	panic(Error(boundsError{x, y, signed, code}))
}

//go:linkname burrowPanicAssert runtime.burrowPanicAssert
func burrowPanicAssert(iface, have, want *rtype, missing string) {
	panic(Error(&TypeAssertionError{iface, have, want, missing}))
}

//go:linkname burrowRaiseString runtime.burrowRaiseString
func burrowRaiseString(text string) { panic(text) }

//go:linkname burrowIsRuntimeError runtime.burrowIsRuntimeError
func burrowIsRuntimeError(v interface{}) bool {
	_, is := v.(Error)
	return is
}

//go:linkname getDivideError runtime.getDivideError
func getDivideError() error   { return errorString("integer divide by zero") }
//go:linkname getOverflowError runtime.getOverflowError
func getOverflowError() error { return errorString("integer overflow") }

type stringer interface{ String() string }

// burrowPanicText is what the program's end prints behind "panic: ".
//
//go:linkname burrowPanicText runtime.burrowPanicText
func burrowPanicText(v interface{}) (text string) {
	defer func() {
		const what = "panic while printing panic value"
		switch r := recover().(type) {
		case nil:
		case string:
			burrowThrow(what + ": " + r)
		default:
			burrowThrow(what + ": type " + (*eface)(unsafe.Pointer(&r)).typ.text())
		}
	}()
	switch x := v.(type) {
	case nil:
		return "nil"
	case error:
		return x.Error()
	case stringer:
		return x.String()
	}
	return plainText(v)
}

//go:noescape
func burrowThrow(text string)

type eface struct {
	typ  *rtype
	data unsafe.Pointer
}

const (
	kindBool = 1 + iota
	kindInt
	kindInt8
	kindInt16
	kindInt32
	kindInt64
	kindUint
	kindUint8
	kindUint16
	kindUint32
	kindUint64
	kindUintptr
	kindFloat32
	kindFloat64
	kindComplex64
	kindComplex128
	kindString = 24
)

func plainText(v interface{}) string {
	e := (*eface)(unsafe.Pointer(&v))
	var s string
	switch p := e.data; e.typ.kind & 31 {
	case kindBool:
		s = "false"
		if *(*bool)(p) {
			s = "true"
		}
	case kindInt, kindInt64:
		s = signedText(*(*int64)(p))
	case kindInt8:
		s = signedText(int64(*(*int8)(p)))
	case kindInt16:
		s = signedText(int64(*(*int16)(p)))
	case kindInt32:
		s = signedText(int64(*(*int32)(p)))
	case kindUint, kindUint64, kindUintptr:
		s = unsignedText(*(*uint64)(p))
	case kindUint8:
		s = unsignedText(uint64(*(*uint8)(p)))
	case kindUint16:
		s = unsignedText(uint64(*(*uint16)(p)))
	case kindUint32:
		s = unsignedText(uint64(*(*uint32)(p)))
	case kindFloat32:
		s = floatText(float64(*(*float32)(p)))
	case kindFloat64:
		s = floatText(*(*float64)(p))
	case kindComplex64:
		c := *(*complex64)(p)
		s = "(" + floatText(float64(real(c))) + floatText(float64(imag(c))) + "i)"
	case kindComplex128:
		c := *(*complex128)(p)
		s = "(" + floatText(real(c)) + floatText(imag(c)) + "i)"
	case kindString:
		s = *(*string)(p)
		if e.typ.pkgPath() != "" {
			s = "\"" + s + "\""
		}
	default:
		return "(" + e.typ.text() + ") " + hexText(uint64(uintptr(p)))
	}
	if e.typ.pkgPath() != "" { // a type of the program's: main.T(5)
		if s[0] == '(' { // a complex number
			return e.typ.text() + s
		}
		return e.typ.text() + "(" + s + ")"
	}
	return s
}

func signedText(v int64) string    { return string(appendInt(nil, v, true)) }
func unsignedText(v uint64) string { return string(appendInt(nil, int64(v), false)) }

func hexText(v uint64) string {
	b := []byte("0x")
	started := false
	for shift := 60; shift >= 0; shift -= 4 {
		d := byte(v >> uint(shift) & 15)
		if d == 0 && !started && shift > 0 {
			continue
		}
		started = true
		b = append(b, "0123456789abcdef"[d])
	}
	return string(b)
}

//go:noescape
func burrowFormatFloat(v float64, out *[48]byte) int

func floatText(v float64) string {
	var b [48]byte
	n := burrowFormatFloat(v, &b)
	return string(b[:n])
}
