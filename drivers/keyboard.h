// keyboard.h -- keys become bytes of console input; the same for PS/2 and USB.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// A key went down (or is still down) or up; `usage` is its number in USB's table (HID Usage Tables, page 7),
// US layout. `repeat`: the keyboard does not repeat a key that is held, so this must. Boot core, interrupts
// off.
void keyboard_key(uint8_t usage, bool down, bool repeat);
// Repeats a held key if that is due; returns when next. Boot core, interrupts off.
int64_t keyboard_poll(int64_t now_ns);

enum { KEY_CTRL_LEFT = 0xe0, KEY_GUI_RIGHT = 0xe7 }; // modifiers
