// unwind.c -- an interpreter for .eh_frame: call frame information of the whole program, as gcc wrote it.
//
// The linker makes a sorted table of all functions (.eh_frame_hdr), so a lookup is a binary search and needs no lock and no registration. Of
// the registers only those that calls preserve are followed. Expressions are understood as far as gcc writes them for x86-64 code (a frame that
// realigns its stack).
//
// Code without tables is rt's assembly; there the frame pointer says it all: those routines keep rbp linked and preserve the other registers.
// Where __morestack stands between a function and its caller, its frame is known (morestack.asm).
//
// What the tables say about an address is made into a row, and kept (unwind_rows.c): the end of the frame, where its registers are, its landing pad. A step by a
// kept row takes some 45 instructions, one by the tables 1000.
#include "unwind.h"

// Of the image: by the linker script. Of a process: by its program headers.
extern const uint8_t __eh_frame_hdr_start[] __attribute__((weak));
extern const uint8_t __ehdr_start[] __attribute__((weak));
extern const char morestack_body_returns[] __asm__("__morestack.body_returns");
extern const char __morestack[], __morestack_end[];
void rt_go_fault(void); // error.c

enum { REG_RBX = 3, REG_RBP = 6, REG_RSP = 7, REG_R12 = 12, REG_R15 = 15, REG_RA = 16 };

static int slot_of(uint64_t reg) {
    switch (reg) {
    case REG_RBX: return UNW_RBX;
    case REG_RBP: return UNW_RBP;
    case REG_RA: return UNW_SAVED; // the return address's rule
    default: return reg >= REG_R12 && reg <= REG_R15 ? UNW_R12 + (int)(reg - REG_R12) : -1;
    }
}

// ---- reading

static uint64_t uleb(const uint8_t **p) {
    uint64_t v = 0;
    unsigned shift = 0;
    uint8_t c;
    do {
        c = *(*p)++;
        if (shift < 64) v |= (uint64_t)(c & 0x7f) << shift;
        shift += 7;
    } while (c & 0x80);
    return v;
}
static int64_t sleb(const uint8_t **p) {
    int64_t v = 0;
    unsigned shift = 0;
    uint8_t c;
    do {
        c = *(*p)++;
        if (shift < 64) v |= (int64_t)((uint64_t)(c & 0x7f) << shift);
        shift += 7;
    } while (c & 0x80);
    if (shift < 64 && (c & 0x40)) v |= -((int64_t)1 << shift);
    return v;
}
static uint64_t fixed(const uint8_t **p, unsigned bytes) {
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)(*p)[i] << (8 * i);
    *p += bytes;
    return v;
}

// A pointer in one of DWARF's encodings; data: what a data-relative one starts from.
static uintptr_t encoded(const uint8_t **p, uint8_t enc, uintptr_t data) {
    if (enc == 0xff) return 0;
    uintptr_t here = (uintptr_t)*p, v;
    switch (enc & 0x0f) {
    case 0x00: case 0x04: case 0x0c: v = fixed(p, 8); break;
    case 0x01: v = uleb(p); break;
    case 0x09: v = (uintptr_t)sleb(p); break;
    case 0x02: v = fixed(p, 2); break;
    case 0x0a: v = (uintptr_t)(int16_t)fixed(p, 2); break;
    case 0x03: v = fixed(p, 4); break;
    default: v = (uintptr_t)(int32_t)fixed(p, 4); break;
    }
    if (v == 0) return 0;
    if ((enc & 0x70) == 0x10) v += here;
    if ((enc & 0x70) == 0x30) v += data;
    if (enc & 0x80) v = *(const uintptr_t *)v;
    return v;
}

// ---- finding a function's description

static const uint8_t *table(void) {
    if (__eh_frame_hdr_start) return __eh_frame_hdr_start;
    if (!__ehdr_start) return NULL;
    enum { PHOFF = 32, PHENTSIZE = 54, PHNUM = 56, P_VADDR = 16, PT_GNU_EH_FRAME = 0x6474e550 }; // of ELF's headers
    const uint8_t *ph = __ehdr_start + *(const uint64_t *)(__ehdr_start + PHOFF);
    for (unsigned n = *(const uint16_t *)(__ehdr_start + PHNUM); n > 0; n--, ph += *(const uint16_t *)(__ehdr_start + PHENTSIZE))
        if (*(const uint32_t *)ph == PT_GNU_EH_FRAME) return *(const uint8_t *const *)(ph + P_VADDR);
    return NULL;
}

typedef struct Fde {
    uintptr_t start, end; // code
    uintptr_t lsda;
    const uint8_t *cie_code, *cie_end, *code, *code_end;
    uint64_t code_align;
    int64_t data_align;
    uint64_t ra_reg;
} Fde;

static const uint8_t *find(uintptr_t pc) {
    const uint8_t *hdr = table();
    if (!hdr || hdr[0] != 1 || hdr[2] != 0x03 || hdr[3] != 0x3b) return NULL;
    const uint8_t *p = hdr + 4;
    encoded(&p, hdr[1], (uintptr_t)hdr);
    uint32_t n = (uint32_t)fixed(&p, 4), lo = 0, hi = n;
    const int32_t(*rows)[2] = (const void *)p; // start, description; relative to hdr, sorted
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if ((uintptr_t)hdr + (uintptr_t)(intptr_t)rows[mid][0] <= pc) lo = mid + 1;
        else hi = mid;
    }
    return lo ? hdr + rows[lo - 1][1] : NULL;
}

static bool fde_of(uintptr_t pc, Fde *f) {
    const uint8_t *p = find(pc);
    if (!p) return false;
    uint32_t bytes = (uint32_t)fixed(&p, 4);
    if (bytes == 0 || bytes == 0xffffffffu) return false;
    f->code_end = p + bytes;
    const uint8_t *back = p, *c = back - fixed(&p, 4); // the common part
    uint32_t common = (uint32_t)fixed(&c, 4);
    f->cie_end = c + common;
    c += 4;
    if (*c++ != 1) return false;
    const char *aug = (const char *)c;
    while (*c++)
        ;
    f->code_align = uleb(&c);
    f->data_align = sleb(&c);
    f->ra_reg = uleb(&c);
    uint8_t pointer = 0, lsda = 0xff;
    bool has_data = aug[0] == 'z';
    if (has_data) {
        uint64_t n = uleb(&c);
        const uint8_t *after = c + n;
        for (const char *a = aug + 1; *a; a++) {
            if (*a == 'R') pointer = *c++;
            else if (*a == 'L') lsda = *c++;
            else if (*a == 'P') {
                uint8_t enc = *c++;
                encoded(&c, enc & 0x7f, 0);
            } else if (*a != 'S' && *a != 'B') return false;
        }
        c = after;
    } else if (aug[0]) {
        return false;
    }
    f->cie_code = c;
    f->start = encoded(&p, pointer, 0);
    f->end = f->start + encoded(&p, pointer & 0x0f, 0);
    f->lsda = 0;
    if (has_data) {
        uint64_t n = uleb(&p);
        const uint8_t *after = p + n;
        if (lsda != 0xff && n) f->lsda = encoded(&p, lsda, 0);
        p = after;
    }
    f->code = p;
    return pc >= f->start && pc < f->end;
}

// ---- the rules at one address

typedef enum { SAME, AT_CFA, AT_EXPR, UNDEFINED } RuleKind;
typedef struct Rules {
    uint8_t kind[UNW_SAVED + 1];
    int32_t offset[UNW_SAVED + 1]; // from the frame address; AT_EXPR: of the expression from the FDE's code
    uint8_t cfa_reg;
    bool cfa_expr;
    int32_t cfa_offset;
} Rules;

#define REMEMBERED 3

typedef struct Machine {
    Rules now, first, stack[REMEMBERED];
    unsigned depth;
    const uint8_t *base; // expressions are kept relative to this
} Machine;

static void set(Machine *m, uint64_t reg, RuleKind kind, int64_t offset) {
    int slot = slot_of(reg);
    if (slot < 0) return;
    m->now.kind[slot] = (uint8_t)kind;
    m->now.offset[slot] = (int32_t)offset;
}
static void restore(Machine *m, uint64_t reg) {
    int slot = slot_of(reg);
    if (slot < 0) return;
    m->now.kind[slot] = m->first.kind[slot];
    m->now.offset[slot] = m->first.offset[slot];
}

// Runs instructions until the row of pc is made. False: one is unknown.
static bool run(Machine *m, const Fde *f, const uint8_t *p, const uint8_t *end, uintptr_t pc) {
    uintptr_t at = f->start;
    while (p < end) {
        uint8_t op = *p++, low = op & 0x3f;
        uint64_t reg;
        switch (op >> 6) {
        case 1: at += low * f->code_align; break;
        case 2: set(m, low, AT_CFA, (int64_t)uleb(&p) * f->data_align); continue;
        case 3: restore(m, low); continue;
        default:
            switch (low) {
            case 0x00: continue;
            case 0x01: at = fixed(&p, 8); break;
            case 0x02: at += fixed(&p, 1) * f->code_align; break;
            case 0x03: at += fixed(&p, 2) * f->code_align; break;
            case 0x04: at += fixed(&p, 4) * f->code_align; break;
            case 0x05: reg = uleb(&p); set(m, reg, AT_CFA, (int64_t)uleb(&p) * f->data_align); continue;
            case 0x06: restore(m, uleb(&p)); continue;
            case 0x07: set(m, uleb(&p), UNDEFINED, 0); continue;
            case 0x08: set(m, uleb(&p), SAME, 0); continue;
            case 0x0a:
                if (m->depth == REMEMBERED) return false;
                m->stack[m->depth++] = m->now;
                continue;
            case 0x0b:
                if (m->depth == 0) return false;
                m->now = m->stack[--m->depth];
                continue;
            case 0x0c: m->now.cfa_expr = false; m->now.cfa_reg = (uint8_t)uleb(&p); m->now.cfa_offset = (int32_t)uleb(&p); continue;
            case 0x0d: m->now.cfa_expr = false; m->now.cfa_reg = (uint8_t)uleb(&p); continue;
            case 0x0e: m->now.cfa_offset = (int32_t)uleb(&p); continue;
            case 0x0f:
                m->now.cfa_expr = true;
                m->now.cfa_offset = (int32_t)(p - m->base);
                reg = uleb(&p);
                p += reg;
                continue;
            case 0x10: {
                uint64_t r = uleb(&p);
                set(m, r, AT_EXPR, p - m->base);
                reg = uleb(&p);
                p += reg;
                continue;
            }
            case 0x2e: uleb(&p); continue; // argument bytes
            default: return false;
            }
        }
        if (at > pc) return true;
    }
    return true;
}

static uintptr_t reg_value(const Unwind *u, unsigned reg) {
    if (reg == REG_RSP) return u->sp;
    int slot = slot_of(reg);
    return slot >= 0 && slot < UNW_SAVED ? u->reg[slot] : 0;
}

// ---- what may be read: the goroutine's segments, and system stacks

static __attribute__((noinline)) bool find_stack(const G *g, Unwind *u, uintptr_t from, uintptr_t to) {
    for (const StackSeg *s = g->seg && g->seg->newer ? g->seg->newer : g->seg; s; s = s->older)
        if (from >= s->base && to <= (uintptr_t)(s + 1)) {
            u->readable_from = s->base;
            u->readable_to = (uintptr_t)(s + 1);
            return true;
        }
    for (int i = 0; i < sched.ncpu; i++)
        if (from >= rt_ps[i]->sys_lo && to <= rt_ps[i]->sys_sp) {
            u->readable_from = rt_ps[i]->sys_lo;
            u->readable_to = rt_ps[i]->sys_sp;
            return true;
        }
    return false;
}

// Words from..to. Most frames lie in the segment of the one before.
static inline bool readable(const G *g, Unwind *u, uintptr_t from, uintptr_t to) {
    if (unlikely((from & 7) || from >= to)) return false;
    return likely(from >= u->readable_from && to <= u->readable_to) || find_stack(g, u, from, to);
}
static inline bool word_readable(const G *g, Unwind *u, uintptr_t at) { return readable(g, u, at, at + 8); }

// The few operations that gcc uses: a register with offset, a load, a constant to add.
static bool evaluate(const G *g, Unwind *u, const uint8_t *p, uintptr_t start, bool has_start, uintptr_t *out) {
    uint64_t n = uleb(&p);
    const uint8_t *end = p + n;
    uintptr_t top = has_start ? start : 0;
    while (p < end) {
        uint8_t op = *p++;
        if (op >= 0x70 && op <= 0x8f) {
            top = reg_value(u, op - 0x70) + (uintptr_t)sleb(&p);
        } else if (op == 0x06) {
            if (!word_readable(g, u, top)) return false;
            top = *(const uintptr_t *)top;
        } else if (op == 0x23) {
            top += uleb(&p);
        } else {
            return false;
        }
    }
    *out = top;
    return true;
}

static bool rules_at(uintptr_t pc, Fde *f, Machine *m) {
    if (!fde_of(pc, f)) return false;
    __builtin_memset(m, 0, sizeof *m);
    m->base = f->cie_code < f->code ? f->cie_code : f->code;
    if (!run(m, f, f->cie_code, f->cie_end, ~(uintptr_t)0)) return false;
    m->first = m->now;
    return run(m, f, f->code, f->code_end, pc);
}

// By frame pointer; word: how many lie between the saved rbp and the return address.
static bool step_by_rbp(const G *g, Unwind *u, unsigned word) {
    uintptr_t fp = u->reg[UNW_RBP];
    if (!fp || !readable(g, u, fp, fp + 8 * word + 8)) return false;
    const uintptr_t *f = (const uintptr_t *)fp;
    u->reg[UNW_RBP] = f[0];
    u->pc = f[word];
    u->sp = fp + 8 * word + 8;
    u->is_call = true;
    return u->pc != 0;
}

// From the function that a fault was made to look like it called (rt/panic.c, rt_fault): the faulting frame's stack pointer lies behind the return
// address, and pc is the instruction itself. Known by that function and not by g->fault_pc, because a goroutine's stack may hold several: a deferred
// call of a panic by a fault may fault, too, whether it recovers or not.
static inline bool step_over_fault(const G *g, Unwind *u, uintptr_t from) {
    if (likely(from != (uintptr_t)rt_go_fault)) return u->pc != 0;
    if (!readable(g, u, u->sp, u->sp + 16)) return false;
    const uintptr_t *pushed = (const uintptr_t *)u->sp;
    u->is_call = pushed[1];
    u->sp = pushed[0];
    return u->pc != 0;
}

// ---- one address: how to find the caller's registers, and the landing pad

// The language specific data area: call sites {start, length, landing pad, action}, sorted, relative to the function.
static uintptr_t landing_pad(const Fde *f, uintptr_t pc) {
    if (!f->lsda) return 0;
    const uint8_t *p = (const uint8_t *)f->lsda;
    uint8_t enc = *p++;
    uintptr_t base = enc == 0xff ? f->start : encoded(&p, enc, 0);
    enc = *p++;
    if (enc != 0xff) uleb(&p);
    enc = *p++;
    uint64_t bytes = uleb(&p);
    const uint8_t *end = p + bytes;
    while (p < end) {
        uintptr_t start = encoded(&p, enc & 0x0f, 0), length = encoded(&p, enc & 0x0f, 0), pad = encoded(&p, enc & 0x0f, 0);
        uleb(&p);
        if (pc < f->start + start) return 0;
        if (pc < f->start + start + length) return pad ? base + pad : 0;
    }
    return 0;
}

// A register that the row cannot follow (an offset or a rule that no compiler writes here) makes it one to be taken from the tables each time.
static void row_make(UnwindRow *r, const Fde *f, const Machine *m, uintptr_t pc) {
    int cfa_reg = m->now.cfa_reg == REG_RSP ? UNW_SP : slot_of(m->now.cfa_reg);
    *r = (UnwindRow){.start = f->start, .pad = landing_pad(f, pc), .cfa_offset = m->now.cfa_offset, .how = HOW_ROW, .cfa_reg = (uint8_t)cfa_reg, .lowest = -8};
    if (m->now.cfa_expr || cfa_reg < 0 || m->now.kind[UNW_SAVED] != AT_CFA || m->now.offset[UNW_SAVED] != -8) r->how = HOW_TABLES;
    for (int i = 0; i < UNW_SAVED; i++) {
        int32_t at = m->now.offset[i];
        switch ((RuleKind)m->now.kind[i]) {
        case SAME: break;
        case UNDEFINED: r->unknown |= (uint8_t)(1 << i); break;
        case AT_CFA:
            r->saved |= (uint8_t)(1 << i);
            r->offset[i] = at;
            if (at < r->lowest) r->lowest = at;
            if (at > -8) r->how = HOW_TABLES;
            break;
        case AT_EXPR: r->how = HOW_TABLES; break;
        }
    }
}

static __attribute__((noinline)) const UnwindRow *row_from_tables(uintptr_t pc, UnwindRow *r) {
    Fde f;
    Machine m;
    if (rules_at(pc, &f, &m)) row_make(r, &f, &m, pc);
    else *r = (UnwindRow){.how = HOW_RBP};
    unwind_row_keep(pc, r);
    return r;
}

static inline uintptr_t lookup_pc(const Unwind *u) { return u->pc - u->is_call; }

// room: used when the row is not kept.
static inline const UnwindRow *row_of(uintptr_t pc, UnwindRow *room) {
    const UnwindRow *r = unwind_row(pc);
    return likely(r != NULL) ? r : row_from_tables(pc, room);
}

static inline uintptr_t row_frame_end(const Unwind *u, const UnwindRow *r) {
    return (r->cfa_reg == UNW_SP ? u->sp : u->reg[r->cfa_reg]) + (uintptr_t)(intptr_t)r->cfa_offset;
}

// ---- steps

static inline bool step_by_row(const G *g, Unwind *u, const UnwindRow *r) {
    uintptr_t cfa = row_frame_end(u, r);
    if (unlikely(!readable(g, u, cfa + (uintptr_t)(intptr_t)r->lowest, cfa))) return false;
    for (unsigned left = r->saved; left; left &= left - 1) {
        int i = __builtin_ctz(left);
        u->reg[i] = *(const uintptr_t *)(cfa + (uintptr_t)(intptr_t)r->offset[i]);
    }
    for (unsigned left = r->unknown; unlikely(left); left &= left - 1)
        u->reg[__builtin_ctz(left)] = 0;
    u->pc = ((const uintptr_t *)cfa)[-1];
    u->sp = cfa;
    u->is_call = true;
    return step_over_fault(g, u, r->start);
}

static bool frame_address(const G *g, Unwind *u, const Machine *m, uintptr_t *cfa) {
    if (m->now.cfa_expr) return evaluate(g, u, m->base + m->now.cfa_offset, 0, false, cfa);
    *cfa = reg_value(u, m->now.cfa_reg) + (uintptr_t)(intptr_t)m->now.cfa_offset;
    return true;
}

static __attribute__((noinline)) bool step_by_tables(const G *g, Unwind *u) {
    Fde f;
    Machine m;
    uintptr_t cfa, next[UNW_SAVED + 1];
    if (!rules_at(lookup_pc(u), &f, &m) || !frame_address(g, u, &m, &cfa)) return false;
    for (int i = 0; i <= UNW_SAVED; i++) {
        uintptr_t at = cfa + (uintptr_t)(intptr_t)m.now.offset[i];
        switch ((RuleKind)m.now.kind[i]) {
        case SAME: next[i] = i < UNW_SAVED ? u->reg[i] : 0; continue;
        case UNDEFINED: next[i] = 0; continue;
        case AT_EXPR:
            if (!evaluate(g, u, m.base + m.now.offset[i], cfa, true, &at)) return false;
            break;
        case AT_CFA: break;
        }
        if (!word_readable(g, u, at)) return false;
        next[i] = *(const uintptr_t *)at;
    }
    for (int i = 0; i < UNW_SAVED; i++)
        u->reg[i] = next[i];
    u->pc = next[UNW_SAVED];
    u->sp = cfa;
    u->is_call = true;
    return step_over_fault(g, u, f.start);
}

static __attribute__((noinline)) uintptr_t frame_end_by_tables(const G *g, Unwind *u) {
    Fde f;
    Machine m;
    uintptr_t cfa;
    return rules_at(lookup_pc(u), &f, &m) && frame_address(g, u, &m, &cfa) ? cfa : 0;
}

// What is not by row. Where __morestack stands between a function and its caller, its frame holds two return addresses.
static __attribute__((noinline)) bool step_otherwise(const G *g, Unwind *u, const UnwindRow *r) {
    if (u->pc == (uintptr_t)morestack_body_returns) return step_by_rbp(g, u, 2);
    return r->how == HOW_RBP ? step_by_rbp(g, u, 1) : step_by_tables(g, u);
}

bool unwind_step(const G *g, Unwind *u) {
    UnwindRow room;
    const UnwindRow *r = row_of(lookup_pc(u), &room);
    return likely(r->how == HOW_ROW) ? step_by_row(g, u, r) : step_otherwise(g, u, r);
}

uintptr_t unwind_to(const G *g, Unwind *u, uintptr_t address) {
    for (;;) {
        UnwindRow room;
        const UnwindRow *r = row_of(lookup_pc(u), &room);
        if (likely(r->how == HOW_ROW)) {
            if (u->sp <= address && address < row_frame_end(u, r)) return r->pad ? r->pad : UNWIND_NO_PAD;
            if (!step_by_row(g, u, r)) return UNWIND_NO_FRAME;
        } else {
            if (r->how == HOW_TABLES && u->sp <= address && address < frame_end_by_tables(g, u)) return r->pad ? r->pad : UNWIND_NO_PAD;
            if (!step_otherwise(g, u, r)) return UNWIND_NO_FRAME;
        }
    }
}

uintptr_t unwind_function(uintptr_t pc) {
    Fde f;
    const UnwindRow *r = unwind_row(pc);
    if (r) return r->start;
    return fde_of(pc, &f) ? f.start : 0;
}
