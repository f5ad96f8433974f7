// side.h -- the side channel: what tools outside read (traces, profiles), beside the console. A stream of records:
//
//     "BRWSIDE1"  { kind, what belongs to it }...  SIDE_END, number of bytes before this record
//
// Everything is numbers, LEB128: seven bits a byte, low ones first, the high bit says that more come; text is its length and its bytes. A reader
// (scripts/glass.py) knows what belongs to each kind. Where the bytes go is the platform's business (plat_side_write): QEMU's debug console on the
// machine, a file for a process.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { SIDE_END, SIDE_INFO, SIDE_TRACE, SIDE_EVENTS, SIDE_PROFILE } SideKind;

// One core, once, on its system stack (or that of a report). False: there is no side channel; that has been said on the console.
bool side_open(void);
void side_close(void);
void side_begin(SideKind kind);
void side_number(uint64_t v);
void side_text(const char *s);
