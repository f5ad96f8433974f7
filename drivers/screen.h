// screen.h -- the screen console's offer to the keyboard.
#pragma once
// Turns the screen by half its height: 1 back to older text, -1 forward; 0: to the newest. Without a screen,
// nothing. Interrupts off. [any]
void screen_scroll(int halves);
