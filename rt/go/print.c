// print.c -- print and println: what gccgo compiles them to, one call per operand.
//
// They write where reports go (standard error of a hosted process), and have left for the device when they return. The operands of one statement stay
// together: printlock and printunlock bracket them.
//
// Compiled with vector registers, because printfloat's operand comes in one; nothing here does arithmetic with it, and no interrupt handler gets here.
#include "go.h"
#include "../format.h"
#include "../api/sync.h"

static Mutex turn;
static G *owner; // who has the turn; nests
static unsigned depth;

void go_printlock(void) GO("runtime.printlock");
void go_printlock(void) {
    G *g = g_self();
    if (__atomic_load_n(&owner, __ATOMIC_RELAXED) != g) { // only g itself writes g here
        mutex_lock(&turn);
        __atomic_store_n(&owner, g, __ATOMIC_RELAXED);
    }
    depth++;
}
void go_printunlock(void) GO("runtime.printunlock");
void go_printunlock(void) {
    if (--depth) return;
    __atomic_store_n(&owner, NULL, __ATOMIC_RELAXED);
    mutex_unlock(&turn);
    RT_DOOR();
}

typedef struct Text { const char *p; size_t n; } Text;
static void write_call(void *arg) {
    const Text *t = arg;
    plat_write(t->p, t->n);
}
static void put(const char *p, size_t n) {
    Text t = {p, n};
    sys_call(write_call, &t);
}

typedef struct Job { uint64_t bits; char text[48]; size_t n; char conv; } Job;

static void format_into(Job *j, const char *fmt, ...) {
    BufferSink b = buffer_sink(j->text, sizeof j->text);
    va_list ap;
    va_start(ap, fmt);
    format_to(&b.sink, fmt, ap);
    va_end(ap);
    j->n = b.sink.total;
}

// Go prints a float as +1.234560e+000: three digits of exponent.
static void format_double(Job *j) {
    uint64_t magnitude = j->bits & ~0ull >> 1, inf = 0x7ffull << 52;
    if (magnitude > inf) return format_into(j, "NaN");
    if (magnitude == inf) return format_into(j, j->bits >> 63 ? "-Inf" : "+Inf");
    BufferSink b = buffer_sink(j->text, sizeof j->text);
    FormatSpec spec = {.plus = true, .precision = 6, .conv = 'e'};
    format_float(&b.sink, &spec, j->bits);
    j->n = b.sink.total;
    size_t e = j->n;
    while (e > 0 && j->text[e - 1] != 'e')
        e--;
    if (j->n - e == 3) { // sign and two digits
        j->text[e + 3] = j->text[e + 2];
        j->text[e + 2] = j->text[e + 1];
        j->text[e + 1] = '0';
        j->n++;
    }
}

static void format_call(void *arg) {
    Job *j = arg;
    switch (j->conv) {
    case 'd': format_into(j, "%ld", (long)j->bits); break;
    case 'u': format_into(j, "%lu", (unsigned long)j->bits); break;
    case 'x': format_into(j, "0x%lx", (unsigned long)j->bits); break;
    default: format_double(j);
    }
    plat_write(j->text, j->n);
}

static void double_call(void *arg) { format_double(arg); }
intptr_t go_format_float(double v, char *out) GO("runtime.burrowFormatFloat");
intptr_t go_format_float(double v, char *out) {
    Job j;
    __builtin_memcpy(&j.bits, &v, 8);
    sys_call(double_call, &j);
    for (size_t i = 0; i < j.n; i++)
        out[i] = j.text[i];
    return (intptr_t)j.n;
}

static void number(uint64_t v, char conv) {
    Job j;
    j.bits = v;
    j.conv = conv;
    sys_call(format_call, &j);
}

void go_printstring(String s) GO("runtime.printstring");
void go_printstring(String s) { put(s.p, (size_t)s.n); }
void go_printsp(void) GO("runtime.printsp");
void go_printsp(void) { put(" ", 1); }
void go_printnl(void) GO("runtime.printnl");
void go_printnl(void) { put("\n", 1); }
void go_printbool(bool v) GO("runtime.printbool");
void go_printbool(bool v) { v ? put("true", 4) : put("false", 5); }
void go_printint(int64_t v) GO("runtime.printint");
void go_printint(int64_t v) { number((uint64_t)v, 'd'); }
void go_printuint(uint64_t v) GO("runtime.printuint");
void go_printuint(uint64_t v) { number(v, 'u'); }
void go_printhex(uint64_t v) GO("runtime.printhex");
void go_printhex(uint64_t v) { number(v, 'x'); }
void go_printpointer(const void *p) GO("runtime.printpointer");
void go_printpointer(const void *p) { number((uintptr_t)p, 'x'); }

static uint64_t bits_of(double v) {
    uint64_t b;
    __builtin_memcpy(&b, &v, 8);
    return b;
}
void go_printfloat(double v) GO("runtime.printfloat");
void go_printfloat(double v) { number(bits_of(v), 'e'); }
void go_printcomplex(_Complex double v) GO("runtime.printcomplex");
void go_printcomplex(_Complex double v) {
    double parts[2];
    __builtin_memcpy(parts, &v, sizeof parts);
    put("(", 1);
    number(bits_of(parts[0]), 'e');
    number(bits_of(parts[1]), 'e');
    put("i)", 2);
}
static void pair(const void *a, const void *b) {
    put("(", 1);
    number((uintptr_t)a, 'x');
    put(",", 1);
    number((uintptr_t)b, 'x');
    put(")", 1);
}
void go_printeface(Any v) GO("runtime.printeface");
void go_printeface(Any v) { pair(v.type, v.data); }
void go_printiface(Iface v) GO("runtime.printiface");
void go_printiface(Iface v) { pair(v.tab, v.data); }
void go_printslice(GoSlice s) GO("runtime.printslice");
void go_printslice(GoSlice s) {
    put("[", 1);
    number((uint64_t)s.len, 'd');
    put("/", 1);
    number((uint64_t)s.cap, 'd');
    put("]", 1);
    number((uintptr_t)s.p, 'x');
}
