// test_framebuffer.c -- the screen console on screens of many sizes, in memory: what its pixels show is the
// text, nothing is painted outside, scrolling back shows what was there; random text against a plain model.
#include "test.h"
#include "drivers/framebuffer.c"
#include "drivers/font.c"

static uint8_t *memory; // the "frames"
static uint32_t *picture;
static size_t picture_pixels;
static int64_t now_ns;

void *map_mmio(uint64_t phys, size_t bytes, CacheType cache) {
    CHECK(cache == CACHE_WC);
    picture_pixels = bytes / 4;
    picture = malloc(bytes + 4096); // a border that must stay
    memset(picture, 0x5a, bytes + 4096);
    return picture;
}
uint64_t frame_alloc(size_t n) {
    memory = malloc(n * PAGE_SIZE); // exactly: the address sanitizer watches
    memset(memory, 0x77, n * PAGE_SIZE);
    return 1;
}
void *phys_to_virt(uint64_t phys) {
    return memory;
}
uint64_t frame_ram_bytes(void) {
    return 512ull << 20;
}
static int said;
void rt_printf(const char *fmt, ...) {
    said++;
}
int64_t clock_now_ns(void) {
    return now_ns;
}
size_t console_drain(void) {
    return 0;
}
int qr_make(const char *text, size_t n) {
    return n > 4 ? 21 : 0;
}
bool qr_dark(int x, int y) {
    return (x ^ y) & 1;
}

static void start(uint32_t width, uint32_t height, uint32_t stride) {
    top = row = col = paint_next = kept = view = code_rows = 0;
    changed = false;
    painted_ns = 0;
    BootInfo bi = {.fb = {.base = 0x80000000, .width = width, .height = height, .stride_px = stride}};
    CHECK(screen_probe(&bi));
}
static void stop(void) {
    for (size_t i = 0; i < 1024; i++)
        CHECK_EQ(picture[picture_pixels + i], 0x5a5a5a5a);
    free(picture);
    free(memory);
}
static void say(const char *s) {
    for (size_t n = strlen(s), took; n; s += took, n -= took)
        took = screen_put(s, n);
}
static void paint(void) {
    for (int i = 0; i < 1000; i++, now_ns += REFRESH_NS)
        if (screen_flush(false)) return;
    CHECK(!"painting ends");
}

// What stands in a cell, by its pixels; 0: no glyph.
static char read_cell(uint32_t r, uint32_t c) {
    for (int g = 0; g < FONT_GLYPHS; g++) {
        bool same = true;
        for (uint32_t y = 0; y < CELL_DOTS_Y * scale && same; y++)
            for (uint32_t x = 0; x < CELL_DOTS_X * scale && same; x++) {
                uint32_t p = picture[(r * CELL_DOTS_Y * scale + y) * stride_px + c * CELL_DOTS_X * scale + x];
                bool ink = y / scale < FONT_HEIGHT && x / scale < FONT_WIDTH &&
                           font_rows[g][y / scale] >> (4 - x / scale) & 1;
                same = p == (ink ? INK : PAPER);
            }
        if (same) return (char)(FONT_FIRST + g);
    }
    return 0;
}
static const char *read_row(uint32_t r) {
    static char line[1024];
    uint32_t n = 0;
    for (uint32_t c = 0; c < cols; c++)
        if ((line[c] = read_cell(r, c)) != ' ') n = c + 1;
    line[n] = 0;
    return line;
}

static void sizes(void) {
    static const struct {
        uint32_t width, height, stride, scale, cols, rows;
    } screen[] = {
        {640, 480, 640, 1, 106, 53},    {800, 600, 832, 1, 133, 66},    {1280, 800, 1280, 2, 106, 44},
        {1920, 1080, 1920, 2, 160, 60}, {2560, 1440, 2560, 3, 142, 53}, {3840, 2160, 3840, 5, 128, 48},
        {7680, 4320, 7680, 8, 160, 60}, {1080, 1920, 1088, 2, 90, 106}, // upright
        {800, 1280, 800, 1, 133, 142},  
    };
    for (size_t i = 0; i < sizeof screen / sizeof *screen; i++) {
        start(screen[i].width, screen[i].height, screen[i].stride);
        CHECK_EQ(scale, screen[i].scale);
        CHECK_EQ(cols, screen[i].cols);
        CHECK_EQ(rows, screen[i].rows);
        say("The quick brown fox\njumps over {[(0123)]}\tx\n");
        paint();
        CHECK_STR(read_row(0), "The quick brown fox");
        CHECK_STR(read_row(1), "jumps over {[(0123)]}   x");
        CHECK_STR(read_row(2), "");
        CHECK_STR(read_row(rows - 1), "");
        stop();
    }
    BootInfo bad[] = {{.fb = {.base = 0, .width = 800, .height = 600, .stride_px = 800}},
                      {.fb = {.base = 4096, .width = 99, .height = 600, .stride_px = 800}},
                      {.fb = {.base = 4096, .width = 800, .height = 600, .stride_px = 700}},
                      {.fb = {.base = 4096, .width = 20000, .height = 600, .stride_px = 20000}}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!screen_probe(&bad[i]));
    CHECK_EQ(said, 3); // all but the first: there is none
}

static void say_lines(int from, int to) {
    char text[40];
    for (int i = from; i < to; i++) {
        snprintf(text, sizeof text, "line %d\n", i);
        say(text);
    }
}
static void check_rows(int first) {
    char text[40];
    for (uint32_t r = 0; r + 1 < rows; r++) {
        snprintf(text, sizeof text, "line %d", first + (int)r);
        CHECK_STR(read_row(r), text);
    }
}

static void scrolling(void) {
    start(640, 480, 640);
    int page = (int)rows - 1, half = (int)rows / 2;
    say_lines(0, 200);
    paint();
    check_rows(200 - page);
    screen_scroll(1);
    paint();
    check_rows(200 - page - half);
    say_lines(200, 210); // the picture stands still
    paint();
    check_rows(200 - page - half);
    screen_scroll(-1);
    paint();
    check_rows(200 - page + 10 - 10);
    screen_scroll(0);
    paint();
    check_rows(210 - page);
    for (int i = 0; i < 50; i++)
        screen_scroll(1);
    paint();
    check_rows(0);        // the oldest, not beyond
    say_lines(210, 3000); // more than the drum holds: the oldest go
    paint();
    CHECK_EQ(kept, HISTORY_ROWS);
    check_rows(3000 - page - HISTORY_ROWS);
    screen_flush(true); // a crash report shows the newest
    check_rows(3000 - page);
    screen_scroll(-5); // nothing newer than that
    paint();
    check_rows(3000 - page);
    stop();
}

static void taking_back(void) {
    start(640, 480, 640);
    say("abc\b \bX\r\nlast\n");
    paint();
    CHECK_STR(read_row(0), "abX");
    char full[200];
    memset(full, 'f', cols);
    full[cols] = 0;
    say(full);
    say("g\b \b\b \bZ"); // over the edge and back
    paint();
    full[cols - 1] = 'Z';
    CHECK_STR(read_row(2), full);
    CHECK_STR(read_row(3), "");
    stop();
}

static void a_code(void) {
    start(1280, 800, 1280);
    say_lines(0, 100);
    screen_flush(true);
    screen_show_code("text of a report", 16);
    uint32_t dot = (800 * 2 / 3 < 1280 / 2 ? 800 * 2 / 3 : 1280 / 2) / 29, x0 = 1280 - 29 * dot;
    say_lines(100, 130); // does not paint over it
    screen_flush(true);
    for (uint32_t y = 0; y < 29 * dot; y++)
        for (uint32_t x = 0; x < 29 * dot; x++) {
            int mx = (int)(x / dot) - 4, my = (int)(y / dot) - 4;
            bool dark = mx >= 0 && my >= 0 && mx < 21 && my < 21 && qr_dark(mx, my);
            CHECK_EQ(picture[(size_t)y * 1280 + x0 + x], dark ? PAPER : WHITE);
        }
    CHECK_STR(read_row(rows - 2), "line 129");
    stop();
    start(640, 480, 640);
    screen_show_code("no", 2); // cannot be made
    CHECK_EQ(code_rows, 0);
    stop();
}

// Bytes of all kinds: no index leaves its array (sanitizer), and painting ends.
static void random_bytes(void) {
    start(640, 480, 640);
    for (int round = 0; round < 2000; round++) {
        char text[200];
        size_t n = test_below(sizeof text);
        for (size_t i = 0; i < n; i++)
            text[i] = (char)test_rand();
        for (size_t at = 0; at < n;)
            at += screen_put(text + at, n - at);
        if (test_below(4) == 0) screen_scroll((int)test_below(9) - 4);
        if (test_below(8) == 0) screen_flush(test_below(8) == 0);
        now_ns += REFRESH_NS / 3;
    }
    paint();
    stop();
}

int main(void) {
    RUN(sizes);
    RUN(scrolling);
    RUN(taking_back);
    RUN(a_code);
    RUN(random_bytes);
    return test_done();
}
