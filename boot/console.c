// console.c -- the loader's few words, and its failure.
//
// Text goes to the firmware's console (ConOut) and to COM1. Where the firmware's console already is a serial
// port (OVMF's usual setting), COM1 gets no second copy of each line: the ConOut variable holds the device
// paths.
#include "boot/loader.h"
#include "boot/earlyport.h"
#include <stdarg.h>

#define FAIL_WAIT_SECONDS 10
#define LINE_MAX          512

static EFI_HANDLE loader_image;
static bool com1_separate; // COM1 is not one of the firmware's consoles

static bool firmware_console_is_serial(void) {
    static uint8_t path[2048]; // several device paths, one per console
    UINTN bytes = sizeof path;
    EFI_GUID global = EFI_GLOBAL_VARIABLE;
    if (EFI_ERROR(RT->GetVariable(L"ConOut", &global, NULL, &bytes, path))) return false;
    for (UINTN at = 0; at + 4 <= bytes;) {
        UINTN node_bytes = path[at + 2] | (UINTN)path[at + 3] << 8;
        if (node_bytes < 4) break;
        if (path[at] == MESSAGING_DEVICE_PATH && path[at + 1] == MSG_UART_DP) return true;
        at += node_bytes;
    }
    return false;
}

void console_open(EFI_HANDLE self) {
    loader_image = self;
    com1_separate = !firmware_console_is_serial();
    if (com1_separate) early_serial_init();
}

static void write_text(const char *s) {
    if (com1_separate) early_puts(s);
    if (!ST->ConOut) return;
    CHAR16 wide[2 * LINE_MAX];
    UINTN n = 0;
    for (; *s && n + 3 < sizeof wide / sizeof *wide; s++) {
        if (*s == '\n') wide[n++] = '\r';
        wide[n++] = (uint8_t)*s;
    }
    wide[n] = 0;
    ST->ConOut->OutputString(ST->ConOut, wide);
}

typedef struct {
    char text[LINE_MAX];
    unsigned length;
} Line;

static void line_char(Line *line, char c) {
    if (line->length + 1 < LINE_MAX) line->text[line->length++] = c;
    line->text[line->length] = 0;
}

static void line_text(Line *line, const char *s) {
    while (*s)
        line_char(line, *s++);
}

static void line_number(Line *line, uint64_t v, unsigned base) {
    char digits[20];
    unsigned n = 0;
    do
        digits[n++] = "0123456789abcdef"[v % base];
    while (v /= base);
    while (n)
        line_char(line, digits[--n]);
}

static void line_status(Line *line, EFI_STATUS status) {
    CHAR16 name[64];
    StatusToString(name, status);
    for (unsigned i = 0; i < 64 && name[i]; i++)
        line_char(line, (char)name[i]);
}

static void line_format(Line *line, const char *format, va_list args) {
    line->length = 0;
    line->text[0] = 0;
    for (; *format; format++) {
        if (*format != '%') {
            line_char(line, *format);
            continue;
        }
        switch (*++format) {
        case 's':
            line_text(line, va_arg(args, const char *));
            break;
        case 'u':
            line_number(line, va_arg(args, uint64_t), 10);
            break;
        case 'x':
            line_number(line, va_arg(args, uint64_t), 16);
            break;
        case 'r':
            line_status(line, va_arg(args, EFI_STATUS));
            break;
        default:
            line_char(line, *format);
            break;
        }
    }
}

void console_print(const char *format, ...) {
    Line line;
    va_list args;
    va_start(args, format);
    line_format(&line, format, args);
    va_end(args);
    write_text(line.text);
}

// Returns after some seconds or at a key.
static void wait_for_reader(void) {
    for (unsigned tenths = 0; tenths < FAIL_WAIT_SECONDS * 10; tenths++) {
        if (ST->ConIn && BS->CheckEvent(ST->ConIn->WaitForKey) == EFI_SUCCESS) return;
        BS->Stall(100000);
    }
}

void boot_fail(const char *format, ...) {
    Line line;
    va_list args;
    va_start(args, format);
    line_format(&line, format, args);
    va_end(args);
    write_text("\nburrow: cannot boot: ");
    write_text(line.text);
    write_text("\n");
    early_exit_failed();
    wait_for_reader();
    BS->Exit(loader_image, EFI_LOAD_ERROR, 0, NULL);
    for (;;)
        BS->Stall(1000000); // the firmware did not take us back
}
