// framebuffer.c -- text console on the linear framebuffer that the firmware left.
//
// Writing pixels is slow, reading them back slower still, and text comes in bursts. So put() only changes a
// grid of characters in memory, scrolling by turning it like a drum, and flush() paints those cells whose
// character differs from what the screen shows, a portion at a time, at most every REFRESH_NS. A burst of a
// thousand lines costs a handful of paintings.
//
// The drum has more rows than the screen: what was scrolled away can be looked at again (screen_scroll).
// While somebody does, new text leaves the picture where it is, as long as the drum goes. A crash report
// always shows itself.
//
// Context: under the log's lock, interrupts off, on one core at a time (driver.h). A crash report may
// interrupt any of this and call it again: every index is reduced before use. Only `scroll_wanted` is written
// by others: the keyboard's interrupt adds to it, flush() takes it.
#include "drivers/driver.h"
#include "drivers/font.h"
#include "drivers/qr.h"
#include "drivers/screen.h"
#include "rt/atomic.h"

enum {
    CELL_DOTS_X = FONT_WIDTH + 1,
    CELL_DOTS_Y = FONT_HEIGHT + 1,
    PORTION = 256,         // cells looked at, and at most painted, per flush
    PUT_MAX = 1024,        // bytes per put
    REFRESH_NS = 16000000, // between paintings
    SIDE_MAX = 16384,      // pixels: more is nonsense
    TAB = 8,
    HISTORY_ROWS = 1000,
    RAM_SHARE = 512, // the drum takes at most this part of memory
    SCALE_MAX = 8,
    COLS_LEAST = 80, // also on an upright screen
    TO_NEWEST = -1000000,
    BOX = 0x7f, // for what the font does not have
};
#define INK   0x00c8c8c8u // grey, so that the order of red and blue does not matter
#define PAPER 0x00000000u
#define WHITE 0x00ffffffu // a code's own paper

static volatile uint32_t *pixels;
static uint32_t width_px, height_px;
static uint32_t code_col, code_rows; // cells that a code covers: from code_col on in rows 0 to code_rows - 1
static uint32_t stride_px, scale, cols, rows;

static uint8_t *cells;                // text: a drum of rows; `top` is the first of the newest screenful
static uint8_t *shown;                // what the screen shows, row 0 on top
static uint32_t drum;                 // rows of it, at least those of the screen
static uint32_t kept;                 // rows above top that have text
static uint32_t view;                 // the screen shows what is that many rows above the newest
static _Atomic int32_t scroll_wanted; // half screens
static uint32_t top, row, col;
static uint32_t paint_next; // next cell to look at; 0: no painting under way
static bool changed;        // cells were written since the last painting began
static int64_t painted_ns;

// ---- text

static uint8_t *cell_at(uint32_t r, uint32_t c) {
    return &cells[(top + r) % drum * cols + c % cols];
}

static void clear_row(uint32_t r) {
    for (uint32_t c = 0; c < cols; c++)
        *cell_at(r, c) = ' ';
}

static void new_line(void) {
    col = 0;
    if (++row < rows) return;
    row = rows - 1;
    top = (top + 1) % drum;
    if (kept < drum - rows) kept++;
    if (view > 0 && view < kept) view++;
    clear_row(row);
}

static void put_glyph(uint8_t ch) {
    if (col >= cols) new_line();
    *cell_at(row, col++) = ch;
}

static void put_byte(uint8_t b) {
    switch (b) {
    case '\n':
        new_line();
        break;
    case '\r':
        col = 0;
        break;
    case '\b':
        if (col > 0) {
            col--;
        } else if (row > 0) {
            row--;
            col = cols - 1;
        }
        break;
    case '\t':
        do
            put_glyph(' ');
        while (col % TAB && col < cols);
        break;
    default:
        if (b >= ' ' && b < BOX)
            put_glyph(b);
        else if (b >= 0xc0)
            put_glyph(BOX); // first byte of a UTF-8 sequence; the others (80h to BFh) show nothing
        break;
    }
}

static size_t screen_put(const char *s, size_t n) {
    if (n > PUT_MAX) n = PUT_MAX;
    for (size_t i = 0; i < n; i++)
        put_byte((uint8_t)s[i]);
    changed = true;
    return n;
}

// ---- pixels

static uint32_t glyph_row(uint8_t ch, uint32_t y) {
    if (y >= FONT_HEIGHT) return 0;
    if (ch == BOX) return y < FONT_HEIGHT - 1 ? 0x1f : 0;
    return font_rows[(uint8_t)(ch - FONT_FIRST) % FONT_GLYPHS][y];
}

static void paint_cell(uint32_t r, uint32_t c, uint8_t ch) {
    volatile uint32_t *corner =
        pixels + (size_t)r * CELL_DOTS_Y * scale * stride_px + (size_t)c * CELL_DOTS_X * scale;
    for (uint32_t y = 0; y < CELL_DOTS_Y * scale; y++, corner += stride_px) {
        uint32_t dots = glyph_row(ch, y / scale) << 1; // and a blank column on the right
        volatile uint32_t *p = corner;
        for (int x = CELL_DOTS_X - 1; x >= 0; x--)
            for (uint32_t i = 0; i < scale; i++)
                *p++ = dots >> x & 1 ? INK : PAPER;
    }
}

// Looks at one portion. True: that was the last.
static bool paint_portion(void) {
    for (int i = 0; i < PORTION && paint_next < rows * cols; i++, paint_next++) {
        uint32_t at = paint_next, r = at / cols, c = at % cols;
        if (r < code_rows && c >= code_col) continue;
        uint8_t ch = *cell_at(r + drum - view % drum, c);
        if (shown[at] == ch) continue;
        paint_cell(r, c, ch);
        shown[at] = ch;
    }
    if (paint_next < rows * cols) return false;
    paint_next = 0;
    painted_ns = clock_now_ns();
    return true;
}

void screen_scroll(int halves) {
    if (!pixels || (halves == 0 && hint_load(&view) == 0 && load_seq(&scroll_wanted) == 0)) return;
    fetch_add(&scroll_wanted, halves ? halves : TO_NEWEST);
    console_drain(); // paints, now or by the timer
}

static void scroll(void) {
    int64_t wanted = exchange(&scroll_wanted, 0), to;
    if (wanted == 0) return;
    to = (int64_t)view + wanted * (rows / 2);
    to = to < 0 ? 0 : to > kept ? kept : to;
    changed |= view != (uint32_t)to;
    hint_store(&view, (uint32_t)to);
}

static bool screen_flush(bool now) {
    scroll();
    if (now) { // everything, also what is under way
        hint_store(&view, 0);
        changed = false;
        paint_next = 0;
        while (!paint_portion()) {
        }
        return true;
    }
    if (paint_next == 0) {
        if (!changed) return true;
        if (painted_ns && clock_now_ns() - painted_ns < REFRESH_NS) return false;
        changed = false;
    }
    return paint_portion() && !changed;
}

// ---- a code, in the upper right corner, where the oldest text is

static void fill(uint32_t x0, uint32_t y0, uint32_t side, uint32_t colour) {
    for (uint32_t y = y0; y < y0 + side; y++)
        for (uint32_t x = x0; x < x0 + side; x++)
            pixels[(size_t)y * stride_px + x] = colour;
}

static void screen_show_code(const char *text, size_t n) {
    enum { QUIET = 4, DOT_MIN = 2 }; // modules of white around it; pixels that a camera can part
    uint32_t room = height_px * 2 / 3 < width_px / 2 ? height_px * 2 / 3 : width_px / 2;
    int modules = qr_make(text, n);
    if (modules <= 0) return;
    uint32_t side = (uint32_t)modules + 2 * QUIET, dot = room / side;
    if (dot < DOT_MIN) return;
    uint32_t x0 = width_px - side * dot;
    code_col = x0 / (CELL_DOTS_X * scale);
    code_rows = (side * dot + CELL_DOTS_Y * scale - 1) / (CELL_DOTS_Y * scale);
    fill(x0, 0, side * dot, WHITE);
    for (int y = 0; y < modules; y++)
        for (int x = 0; x < modules; x++)
            if (qr_dark(x, y))
                fill(x0 + (uint32_t)(x + QUIET) * dot, (uint32_t)(y + QUIET) * dot, dot, PAPER);
}

// ---- start

static bool sane(const BootFramebuffer *fb) {
    return fb->width >= 100 && fb->height >= 100 && fb->width <= SIDE_MAX && fb->height <= SIDE_MAX &&
           fb->stride_px >= fb->width && fb->stride_px <= SIDE_MAX;
}

static bool screen_probe(const BootInfo *bi) {
    const BootFramebuffer *fb = &bi->fb;
    if (!fb->base) return false;
    if (!sane(fb)) {
        rt_printf("screen: %u by %u pixels in lines of %u: not used\n", fb->width, fb->height, fb->stride_px);
        return false;
    }
    size_t bytes = (size_t)fb->stride_px * fb->height * sizeof *pixels;
    pixels = map_mmio(fb->base, bytes, CACHE_WC);
    if (!pixels) return false;
    stride_px = fb->stride_px;
    width_px = fb->width;
    height_px = fb->height;
    scale = fb->height / 400; // of a size that can be read
    if (scale > fb->width / (COLS_LEAST * CELL_DOTS_X)) scale = fb->width / (COLS_LEAST * CELL_DOTS_X);
    if (scale < 1) scale = 1;
    if (scale > SCALE_MAX) scale = SCALE_MAX;
    cols = fb->width / (CELL_DOTS_X * scale);
    rows = fb->height / (CELL_DOTS_Y * scale);
    drum = rows + HISTORY_ROWS;
    if ((uint64_t)cols * drum > frame_ram_bytes() / RAM_SHARE) drum = rows;
    uint64_t frames = frame_alloc(((size_t)cols * (drum + rows) + PAGE_SIZE - 1) / PAGE_SIZE);
    if (!frames) return false;
    cells = phys_to_virt(frames);
    shown = cells + (size_t)cols * drum;
    for (uint32_t i = 0; i < cols * (drum + rows); i++)
        cells[i] = ' ';
    for (size_t i = 0; i < bytes / sizeof *pixels; i++)
        pixels[i] = PAPER;
    return true;
}

static const Console screen_console = {
    .put = screen_put, .flush = screen_flush, .show_code = screen_show_code};
const Driver framebuffer_driver = {
    .name = "framebuffer", .stage = DRIVER_MAPPED, .probe = screen_probe, .console = &screen_console};
