// trace.c -- goroutine dumps of Go programs: exact walks, and names as Go prints them.
#include "go.h"
#include "unwind.h"
#include "../report.h"

bool rt_go_walk_up(const G *g, StackWalk *w) {
    Unwind u = {.sp = w->sp, .pc = w->pc, .is_call = w->is_call};
    for (int i = 0; i < UNW_SAVED; i++)
        u.reg[i] = w->saved[i];
    if (!unwind_step(g, &u)) return false;
    for (int i = 0; i < UNW_SAVED; i++)
        w->saved[i] = u.reg[i];
    w->pc = u.pc;
    w->sp = u.sp;
    w->fp = u.reg[UNW_RBP];
    w->is_call = u.is_call;
    return true;
}

// gccgo writes characters that assemblers do not take as _ and a digit, and names what it makes itself with two dots: main.f..func1 is Go's main.f.func1.
static char unescaped(char c) {
    static const char digits[] = "./*,{}[]()", letters[] = "\" ;";
    if (c >= '0' && c <= '9') return digits[c - '0'];
    if (c >= 'a' && c <= 'c') return letters[c - 'a'];
    return c == '_' ? '_' : 0;
}

// Characters beyond ASCII are _u and 4, or _U and 8, digits of 16. Up to 4 bytes of UTF-8 to `to`; *used: characters of the symbol. 0: none.
static unsigned unescaped_rune(const char *s, char *to, unsigned *used) {
    unsigned digits = s[0] != '_' ? 0 : s[1] == 'u' ? 4 : s[1] == 'U' ? 8 : 0;
    uint32_t r = 0;
    for (unsigned i = 0; i < digits; i++) {
        char c = s[2 + i];
        unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
        if (d == 16) return 0;
        r = r << 4 | d;
    }
    if (!digits || r < 0x80 || r > 0x10ffff) return 0;
    *used = 2 + digits;
    unsigned more = r < 0x800 ? 1 : r < 0x10000 ? 2 : 3; // bytes of 6 bits behind the first
    to[0] = (char)(0xff00u >> (more + 1) | r >> 6 * more);
    for (unsigned i = 1; i <= more; i++)
        to[i] = (char)(0x80 | (r >> 6 * (more - i) & 0x3f));
    return 1 + more;
}

static bool begins(const char *s, const char *with) {
    while (*with && *s == *with)
        s++, with++;
    return !*with;
}

static bool has_dot(const char *s) {
    while (*s && *s != '.')
        s++;
    return *s;
}

bool rt_go_is_body(const char *symbol) {
    size_t n = (size_t)go_str(symbol).n;
    return n > 3 && begins(symbol + n - 3, "..r");
}

const char *rt_go_name(const char *symbol, char *buf, size_t room) {
    size_t n = 0;
    if (begins(symbol, "run_deferred")) return "runtime.gopanic"; // rt/go/panic.c
    if (!has_dot(symbol)) return symbol; // not Go's
    for (const char *s = symbol; *s && n + 1 < room; s++) {
        if (s[0] == '.' && s[1] == '.') {
            if (begins(s, "..thunk") || begins(s, "..stub")) return NULL;
            if (s[2] == 'r' && !s[3]) break; // the body of a function that recovers
            continue;
        }
        if (begins(s, "_0go..func")) { // a function literal outside of functions
            for (const char *glob = "glob."; *glob && n + 1 < room; glob++)
                buf[n++] = *glob;
            s += sizeof "_0go" - 1; // behind it and the first dot of "..func"
            continue;
        }
        char rune[4];
        unsigned used, bytes = unescaped_rune(s, rune, &used);
        if (bytes) {
            if (n + bytes >= room) break;
            memcpy(buf + n, rune, bytes);
            n += bytes;
            s += used - 1;
            continue;
        }
        char c = *s == '_' ? unescaped(s[1]) : 0;
        if (c) s++;
        buf[n++] = c ? c : *s;
    }
    buf[n] = 0;
    return begins(buf, "runtime.burrow") ? NULL : buf;
}
