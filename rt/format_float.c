// format_float.c -- doubles as decimal text, correct to the last digit asked for.
//
// Idea: a double is m * 2^e with integer m. For e >= 0 that is an integer; for e < 0 it is m * 5^-e with the
// decimal point moved left by -e. Either way one big integer holds *all* its decimal digits (767 at most), so
// rounding half to even on the digit string is exact. Ryu and Grisu are faster, but need large tables or a
// fallback, and nothing here is hot.
//
// The big integer has base 10^9, so that its digits come out without division of big by big. General
// registers only; about 1.4 KB of stack. Context: as format.c.
#include "format.h"

#define LIMB       1000000000u
#define MAX_LIMBS  88 // 2^53 * 5^1074 < 10^767
#define MAX_DIGITS (MAX_LIMBS * 9)

typedef struct Decimal {
    int n;     // digits; beyond them follow zeros
    int point; // the value is 0.digits * 10^point
    char digits[MAX_DIGITS];
} Decimal;

typedef struct Big {
    int n;
    uint32_t limb[MAX_LIMBS]; // least significant first
} Big;

static void big_mul(Big *b, uint32_t factor) {
    uint64_t carry = 0;
    for (int i = 0; i < b->n; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)(carry % LIMB);
        carry /= LIMB;
    }
    for (; carry; carry /= LIMB)
        b->limb[b->n++] = (uint32_t)(carry % LIMB);
}

static void big_mul_power(Big *b, uint32_t base, uint32_t step_factor, int step, int power) {
    for (; power >= step; power -= step)
        big_mul(b, step_factor);
    for (; power > 0; power--)
        big_mul(b, base);
}

// All digits of m * 2^e, m != 0, without leading or trailing zeros.
static void decimal_exact(Decimal *d, uint64_t m, int e) {
    for (; e < 0 && (m & 1) == 0; e++)
        m >>= 1;
    Big b = {.n = 0};
    for (; m; m /= LIMB)
        b.limb[b.n++] = (uint32_t)(m % LIMB);
    if (e >= 0)
        big_mul_power(&b, 2, 1u << 29, 29, e);
    else
        big_mul_power(&b, 5, 1220703125u /* 5^13 */, 13, -e);

    d->n = b.n * 9;
    for (int i = 0; i < b.n; i++) {
        uint32_t v = b.limb[i];
        for (int k = 0; k < 9; k++, v /= 10)
            d->digits[d->n - 1 - 9 * i - k] = (char)('0' + v % 10);
    }
    int lead = 0;
    while (d->digits[lead] == '0')
        lead++;
    d->n -= lead;
    for (int i = 0; lead && i < d->n; i++)
        d->digits[i] = d->digits[i + lead];
    d->point = d->n + (e < 0 ? e : 0);
    while (d->digits[d->n - 1] == '0')
        d->n--;
}

static bool rounds_up(const Decimal *d, int keep) {
    if (d->digits[keep] != '5') return d->digits[keep] > '5';
    if (keep + 1 < d->n) return true; // the last digit is not 0
    return keep > 0 && (d->digits[keep - 1] & 1);
}

// Leaves at most `keep` digits, rounded half to even. May move the point by one (9.99 -> 10.0).
static void decimal_round(Decimal *d, int keep) {
    if (keep >= d->n) return;
    if (keep < 0) {
        d->n = 0;
        return;
    }
    bool up = rounds_up(d, keep);
    d->n = keep;
    if (!up) return;
    while (d->n > 0 && d->digits[d->n - 1] == '9')
        d->n--;
    if (d->n > 0)
        d->digits[d->n - 1]++;
    else
        d->digits[d->n++] = '1', d->point++;
}

// `count` digits from position `from` on; positions outside the digits are zeros.
static void put_digits(FormatSink *sink, const Decimal *d, int from, int count) {
    if (from < 0) {
        int zeros = -from < count ? -from : count;
        format_pad(sink, '0', zeros);
        from += zeros, count -= zeros;
    }
    int real = d->n - from;
    real = real < 0 ? 0 : real < count ? real : count;
    if (real > 0) format_write(sink, d->digits + from, (size_t)real);
    format_pad(sink, '0', count - real);
}

// What is printed: sign, `whole` digits from position `from`, '.' and `fraction` digits, exponent.
typedef struct Layout {
    char sign; // 0: none
    bool exponent, dot;
    int fraction;
} Layout;

static int exponent_text(char *out, int e, char letter) {
    int n = 0;
    out[n++] = letter;
    out[n++] = e < 0 ? '-' : '+';
    if (e < 0) e = -e;
    if (e >= 100) out[n++] = (char)('0' + e / 100);
    out[n++] = (char)('0' + e / 10 % 10);
    out[n++] = (char)('0' + e % 10);
    return n;
}

static void put_layout(FormatSink *sink, const FormatSpec *spec, const Decimal *d, const Layout *l) {
    char exp[8];
    bool upper = spec->conv < 'a';
    int exp_len = l->exponent ? exponent_text(exp, d->point - 1, upper ? 'E' : 'e') : 0;
    int point = l->exponent ? 1 : d->point;
    int whole = point > 0 ? point : 1;
    int pad = spec->width - (l->sign != 0) - whole - l->dot - l->fraction - exp_len;
    bool zeros = spec->zero && !spec->left;

    if (!spec->left && !zeros) format_pad(sink, ' ', pad);
    if (l->sign) format_write(sink, &l->sign, 1);
    if (zeros) format_pad(sink, '0', pad);
    put_digits(sink, d, point > 0 ? 0 : -1, whole);
    if (l->dot) format_write(sink, ".", 1);
    put_digits(sink, d, point, l->fraction);
    format_write(sink, exp, (size_t)exp_len);
    if (spec->left) format_pad(sink, ' ', pad);
}

// %g: the shorter of the two forms, trailing zeros dropped unless '#'.
static void layout_general(const FormatSpec *spec, Decimal *d, int precision, Layout *l) {
    if (precision == 0) precision = 1;
    decimal_round(d, precision);
    while (d->n > 0 && d->digits[d->n - 1] == '0')
        d->n--;
    int x = d->point - 1;
    l->exponent = x < -4 || x >= precision;
    int most = l->exponent ? precision - 1 : precision - 1 - x;
    int used = d->n - (l->exponent ? 1 : d->point);
    l->fraction = spec->alt ? most : used > 0 ? used : 0;
}

static void put_special(FormatSink *sink, const FormatSpec *spec, char sign, bool nan) {
    bool upper = spec->conv < 'a';
    const char *text = nan ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf");
    int pad = spec->width - 3 - (sign != 0);
    if (!spec->left) format_pad(sink, ' ', pad);
    if (sign) format_write(sink, &sign, 1);
    format_write(sink, text, 3);
    if (spec->left) format_pad(sink, ' ', pad);
}

void format_float(FormatSink *sink, const FormatSpec *spec, uint64_t bits) {
    uint64_t m = bits & ((1ull << 52) - 1);
    int e = (int)(bits >> 52 & 0x7ff);
    Layout l = {.sign = bits >> 63 ? '-' : spec->plus ? '+' : spec->space ? ' ' : 0};
    if (e == 0x7ff) {
        put_special(sink, spec, l.sign, m != 0);
        return;
    }

    Decimal d;
    if (m == 0 && e == 0)
        d.n = 0, d.point = 1; // zero reads 0.0e+00
    else if (e == 0)
        decimal_exact(&d, m, -1074);
    else
        decimal_exact(&d, m | 1ull << 52, e - 1075);

    int precision = spec->precision < 0 ? 6 : spec->precision;
    switch (spec->conv | 0x20) {
    case 'e':
        decimal_round(&d, precision + 1);
        l.exponent = true, l.fraction = precision;
        break;
    case 'f':
        decimal_round(&d, d.point + precision);
        l.fraction = precision;
        break;
    default:
        layout_general(spec, &d, precision, &l);
    }
    l.dot = l.fraction > 0 || spec->alt;
    put_layout(sink, spec, &d, &l);
}
