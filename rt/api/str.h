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

// ---- numbers (strconv.ParseInt): the whole of s, base 2..36 or 0 for "0x", "0", decimal by prefix. False:
// not a number, or out of range; *out is then unchanged.
bool parse_int(String s, int base, int64_t *out);
bool parse_uint(String s, int base, uint64_t *out);
