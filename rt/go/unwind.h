// unwind.h -- from a frame to its caller, exactly: by the compiler's unwind tables (.eh_frame).
//
// rt's own traces follow frame pointers; prebuilt Go code has none, and a panic that is recovered must also find the values of all registers that
// calls preserve. Any context; no locks, no allocation; general registers; about 500 bytes of stack.
#pragma once
#include "../core.h"

enum { UNW_RBX, UNW_RBP, UNW_R12, UNW_R13, UNW_R14, UNW_R15, UNW_SAVED };

typedef struct Unwind {
    uintptr_t reg[UNW_SAVED]; // values that calls preserve, as in the frame of pc
    uintptr_t sp;             // stack pointer of that frame: behind the return address, when pc is one
    uintptr_t pc;
    bool is_call; // pc is a return address: its function is the one at pc - 1
} Unwind;

// To the caller. False: the outermost frame, or what lies there cannot be read.
bool unwind_step(const G *g, Unwind *u);
// The address where the frame's function goes on when an exception is thrown by the call that returns to u->pc; 0: it catches none there.
uintptr_t unwind_landing_pad(const Unwind *u);
// The stack address just above the frame of u (its canonical frame address); 0: unknown.
uintptr_t unwind_frame_end(const G *g, const Unwind *u);
// How to find a caller's registers from an address: what unwind_rows.c keeps. kind: of unwind.c.
typedef struct UnwindRow {
    uintptr_t start, pad; // the function's beginning; its landing pad from here, 0: none
    int32_t offset[UNW_SAVED + 1], cfa_offset; // from the frame address; of it, from cfa_reg
    uint8_t kind[UNW_SAVED + 1], cfa_reg;
} UnwindRow;
const UnwindRow *unwind_row(uintptr_t pc); // NULL: not kept
void unwind_row_keep(uintptr_t pc, const UnwindRow *row);

// Where the function begins that contains pc; 0: unknown.
uintptr_t unwind_function(uintptr_t pc);
