// font.h -- dot-matrix characters for the screen console.
#pragma once

enum { FONT_FIRST = ' ', FONT_GLYPHS = 95, FONT_WIDTH = 5, FONT_HEIGHT = 8 };

// One number a row, top first; the leftmost dot is bit 4.
extern const unsigned char font_rows[FONT_GLYPHS][FONT_HEIGHT];
