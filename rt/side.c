// side.c -- see side.h. The buffer is of the core that writes; there is one such core in a program's life.
#include "side.h"
#include "plat.h"
#include "rt.h"

static uint8_t buffer[4096];
static size_t used;
static uint64_t written;

static void flush(void) {
    plat_side_write(buffer, used);
    written += used;
    used = 0;
}

static void put(uint8_t byte) {
    if (used == sizeof buffer) flush();
    buffer[used++] = byte;
}

void side_number(uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        put((uint8_t)(v | 0x80));
    put((uint8_t)v);
}

void side_text(const char *s) {
    size_t n = 0;
    while (s[n])
        n++;
    side_number(n);
    for (size_t i = 0; i < n; i++)
        put((uint8_t)s[i]);
}

void side_begin(SideKind kind) { side_number((uint64_t)kind); }

bool side_open(void) {
    static bool open;
    if (open) return false;
    open = true;
    if (!plat_side_write(NULL, 0)) {
        rt_printf("trace and profile: nowhere to write them (a machine needs QEMU's isa-debugcon at port 0xe9, a process BURROW_SIDE=file)\n");
        return false;
    }
    for (const char *s = "BRWSIDE1"; *s; s++)
        put((uint8_t)*s);
    side_begin(SIDE_INFO);
    side_text(rt_build_id());
    return true;
}

void side_close(void) {
    uint64_t before = written + used;
    side_begin(SIDE_END);
    side_number(before);
    flush();
}
