// input.h -- bytes typed at the consoles: from any device's interrupt to the goroutine that reads.
//
// One ring for all devices (serial port, keyboards; hosted: a thread that reads standard input). Story:
// input.c.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A byte has arrived; whoever waits for one is made ready. Interrupt context of a core. Never blocks, takes
// no lock. False: the ring is full and the byte is lost (counted).
bool input_push(uint8_t b);

// Its halves, for a platform whose bytes do not come in an interrupt: put from anywhere, wake in interrupt
// context afterwards.
bool input_put(uint8_t b);
void input_wake(void);
// Nothing will ever come any more: readers get what is there, then the end. Wake afterwards. Any context.
void input_end(void);
size_t input_room(void);   // bytes that surely fit, if only the caller puts. Any context
uint64_t input_lost(void); // bytes that found the ring full

// The reader's side; one goroutine at a time (console.c's lock).
int input_take(void);  // a byte; -1: none is there now. Small
bool input_over(void); // input_end was called: a later -1 is the end
void input_wait(void); // parks until there may be something to take, or the end. Goroutine's stack
