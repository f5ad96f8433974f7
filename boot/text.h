// text.h -- command lines as the firmware stores them, made UTF-8. Knows no firmware; tests/unit/test_boot.c
// tests it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    TEXT_OK,
    TEXT_TOO_LONG, // more than out_bytes, the NUL included
    TEXT_BINARY,   // control characters, or no valid encoding
} TextResult;

// Load options: UTF-16, or ASCII as some boot managers store it; with or without a NUL. Any bytes are allowed
// as input.
TextResult text_from_load_options(const uint8_t *in, size_t bytes, char *out, size_t out_bytes);
// A text file: UTF-8, with or without a byte order mark. Line ends become spaces, those at the end go.
TextResult text_from_file(const uint8_t *in, size_t bytes, char *out, size_t out_bytes);
// What follows the program's own name, if the line starts with one: always from a shell, else a word ending
// in ".efi".
const char *text_skip_program(const char *line, bool from_shell);
