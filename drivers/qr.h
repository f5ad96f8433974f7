// qr.h -- a text as a QR code, for crash reports on a screen: to be photographed instead of copied by hand.
#pragma once
#include <stdbool.h>
#include <stddef.h>

// Makes the code of n bytes of text; returns its side in modules, 0: not possible. One at a time; allocates
// nothing. [any], crash reports included.
int qr_make(const char *text, size_t n);
bool qr_dark(int x, int y); // of the code made last
