// api/console.h -- what is typed at the consoles: the serial line, PS/2 and USB keyboards; of a hosted
// process: standard input.
//
// Output to the consoles: fmt.h.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// CONSOLE_LINES, the default: a read returns when a line is complete, its '\n' included. What is typed is
// shown (console_echo); Backspace takes back a character, Ctrl-U and Ctrl-C the line, Ctrl-D on an empty line
// is the end of input, and hands over what there is on another. CONSOLE_RAW: every byte at once, as it came,
// nothing shown. (Hosted: the terminal's own settings decide instead.)
typedef enum { CONSOLE_LINES, CONSOLE_RAW } ConsoleMode;
ConsoleMode console_mode(ConsoleMode mode); // returns the previous one
// Shows what is typed in CONSOLE_LINES; returns what was set before. Off for passwords.
bool console_echo(bool on);

// Up to n bytes of input (Go: os.Stdin.Read): waits for the first, blocks. 0: end of input, also when the
// machine has nothing to type on. Goroutines that read at the same time take turns, a read each.
intptr_t console_read(void *buf, size_t n);
