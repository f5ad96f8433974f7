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
    uintptr_t readable_from, readable_to; // unwind.c: the stack that was read last; zeros at first
} Unwind;

// To the caller. False: the outermost frame, or what lies there cannot be read.
bool unwind_step(const G *g, Unwind *u);
// On to the frame that the stack address lies in. Returns where its function goes on when an exception is thrown by the call that
// returns to u->pc; or one of the two, which are no addresses of code.
uintptr_t unwind_to(const G *g, Unwind *u, uintptr_t address);
enum { UNWIND_NO_FRAME, UNWIND_NO_PAD };

// How to find a caller's registers from an address: what unwind_rows.c keeps. The frame address is the one just above the return address.
enum { UNW_SP = UNW_SAVED };
typedef enum { HOW_ROW, HOW_TABLES, HOW_RBP } UnwindHow; // by this row; too rare to be one; no tables: code that keeps a frame pointer
typedef struct UnwindRow {
    uintptr_t start, pad;             // the function's beginning; its landing pad from here, 0: none
    int32_t cfa_offset;               // of the frame address, from cfa_reg
    int32_t lowest;                   // all that is read lies here or above, from the frame address
    int32_t offset[UNW_SAVED];        // from the frame address
    uint8_t how, cfa_reg;             // UnwindHow; UNW_*
    uint8_t saved, unknown;           // bits of UNW_*: those at offset[]; those without a value. The others are unchanged
} UnwindRow;
const UnwindRow *unwind_row(uintptr_t pc); // NULL: not kept
void unwind_row_keep(uintptr_t pc, const UnwindRow *row);

// Where the function begins that contains pc; 0: unknown.
uintptr_t unwind_function(uintptr_t pc);
