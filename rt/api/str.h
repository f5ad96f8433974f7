// api/str.h -- memory and text.
//
// First the well-known functions of C, with C's meaning: small, and never interrupted by the scheduler. For
// large blocks (a megabyte takes a core some 100 us) use mem_copy and its sisters, which let others run now
// and then. None of them blocks or allocates; none needs more than a few words of stack. Text is bytes; UTF-8
// passes through.
#pragma once
#include "../type.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- C's own (<string.h>)
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t most);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *text, const char *word);

// ---- for blocks of any size; between pieces of 64 KB the core may run other goroutines
// Pointers are copied as whole words when both addresses are multiples of 8.
void mem_copy(void *dst, const void *src, size_t n); // blocks do not overlap
void mem_move(void *dst, const void *src, size_t n); // they may
void mem_set(void *dst, int byte, size_t n);
int mem_compare(const void *a, const void *b, size_t n); // < 0, 0, > 0, as unsigned bytes

// ---- String (Go: string): bytes with a length, not NUL-terminated, never written to
String string_of(const char *s);             // s must live as long as the String; NULL: the empty one
bool string_equal(String a, String b);       // a == b
int string_compare(String a, String b);      // < 0, 0, > 0: by bytes, a prefix first
intptr_t string_index(String s, String sub); // first place of sub in s; -1: none (strings.Index)

// Bytes are shared by a String and its parts; a String made from bytes that may change is a copy.
String string_copy(const void *bytes, size_t n);             // string(bytes)
#define string_cat(...) /* all of them, one after the other (a + b + c) */                                   \
    ({                                                                                                       \
        const String string_v_[] = {__VA_ARGS__};                                                            \
        string_concat(string_v_, sizeof string_v_ / sizeof string_v_[0]);                                    \
    })
String string_concat(const String *v, size_t n);
// s[lo:hi], s[lo:], s[:hi]. Panics "runtime error: slice bounds out of range [:5] with length 3".
String string_sub(String s, intptr_t lo, intptr_t hi);
static inline String string_from(String s, intptr_t lo) {
    return string_sub(s, lo, s.n);
}
static inline String string_to(String s, intptr_t hi) {
    return string_sub(s, 0, hi);
}
String string_of_int(int64_t v);  // strconv.Itoa
String string_of_rune(uint32_t r); // string(rune)

// UTF-8. string_for_runes (r, at, s) { ... }: r (uint32_t) is the character at byte `at` (for at, r := range s). Bytes that are no UTF-8
// give 0xfffd each.
#define string_for_runes(r, at, s)                                                                           \
    for (                                                                                                    \
        struct {                                                                                             \
            String s_;                                                                                       \
            intptr_t next;                                                                                   \
            bool more;                                                                                       \
        } runes_ = {(s), 0, true};                                                                           \
        runes_.more && runes_.next < runes_.s_.n;)                                                           \
        for (intptr_t at __attribute__((unused)) = (runes_.more = false, runes_.next); !runes_.more && runes_.next == at;) \
            for (uint32_t r = rune_next(runes_.s_, &runes_.next); !runes_.more; runes_.more = true)
uint32_t rune_next(String s, intptr_t *at); // the character at *at < s.n; moves *at behind it
size_t rune_encode(char out[4], uint32_t r); // returns the number of bytes; what is no character: 0xfffd's
intptr_t rune_count(String s);               // utf8.RuneCountInString

// ---- numbers (strconv.ParseInt): the whole of s, base 2..36 or 0 for "0x", "0", decimal by prefix. False:
// not a number, or out of range; *out is then unchanged.
bool parse_int(String s, int base, int64_t *out);
bool parse_uint(String s, int base, uint64_t *out);
