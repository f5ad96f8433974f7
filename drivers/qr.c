// qr.c -- QR codes by the packaged library qrcodegen (Debian: libqrcodegen-dev), linked as it is.
//
// It allocates nothing and works in buffers that it is given. Its archive is compiled for Linux with vector
// registers, but the functions that are used here, qrcodegen_encodeBinary and what it calls, have no such
// instruction (tests/test_screen.py looks), and need about 600 bytes of stack. What else they want of a C
// library is below.
#include "drivers/qr.h"
#include "kernel/kernel.h"
#include <qrcodegen/qrcodegen.h>

enum { VERSION_MAX = 25, BUFFER_BYTES = qrcodegen_BUFFER_LEN_FOR_VERSION(VERSION_MAX) };

static uint8_t code[BUFFER_BYTES], work[BUFFER_BYTES];
static int side;

int qr_make(const char *text, size_t n) {
    if (n > BUFFER_BYTES) return 0;
    for (size_t i = 0; i < n; i++)
        work[i] = (uint8_t)text[i];
    bool made =
        qrcodegen_encodeBinary(work, n, code, qrcodegen_Ecc_LOW, 1, VERSION_MAX, qrcodegen_Mask_AUTO, false);
    side = made ? qrcodegen_getSize(code) : 0;
    return side;
}

bool qr_dark(int x, int y) {
    return side > 0 && qrcodegen_getModule(code, x, y);
}

// ---- what the archive asks for. Weak: an image of a Go program may bring its own.
void *memset(void *to, int byte, size_t n);
void *__memset_chk(void *to, int byte, size_t n, size_t room);
__attribute__((weak)) void *__memset_chk(void *to, int byte, size_t n, size_t room) {
    return memset(to, byte, n < room ? n : room);
}
_Noreturn void __assert_fail(const char *what, const char *file, unsigned line, const char *function);
__attribute__((weak)) _Noreturn void __assert_fail(const char *what, const char *file, unsigned line,
                                                   const char *function) {
    kernel_throw("qrcodegen: an assertion failed");
}
_Noreturn void __stack_chk_fail(void);
__attribute__((weak)) _Noreturn void __stack_chk_fail(void) {
    kernel_throw("qrcodegen: the stack was overwritten");
}
