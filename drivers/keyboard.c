// keyboard.c -- what keys mean: US layout, modifiers, repetition; the result goes to the runtime's ring of
// console input.
//
// Keys without a character send what terminals send (ECMA-48, as xterm). Three combinations are the machine's
// own: Shift-PageUp and Shift-PageDown scroll the screen, Ctrl-T asks what the machine is doing
// (kernel/dump.c), as on the serial line.
//
// State: boot core, interrupts off. All keyboards share it, so one's Shift works with another's letters.
#include "drivers/keyboard.h"
#include "drivers/driver.h"
#include "drivers/losses.h"
#include "drivers/screen.h"
#include "kernel/dump.h"
#include "rt/input.h"

enum {
    KEY_A = 0x04,
    KEY_Z = 0x1d,
    KEY_ENTER = 0x28,
    KEY_CAPS_LOCK = 0x39,
    KEY_PAGE_UP = 0x4b,
    KEY_PAGE_DOWN = 0x4e,
    KEY_LAST = 0x65,
};
enum { MOD_CTRL = 0x11, MOD_SHIFT = 0x22, MOD_ALT = 0x44 }; // bit n: usage E0h + n
enum { REPEAT_FIRST_NS = 500000000, REPEAT_NEXT_NS = 33000000 };
enum { CTRL_T = 'T' - '@' };

// By usage: plain and shifted character, or what is sent instead of one.
static const struct {
    char plain, shifted;
    const char *sequence;
} key_table[KEY_LAST] = {
    [0x04] = {'a', 'A'},     [0x05] = {'b', 'B'},     [0x06] = {'c', 'C'},     [0x07] = {'d', 'D'},
    [0x08] = {'e', 'E'},     [0x09] = {'f', 'F'},     [0x0a] = {'g', 'G'},     [0x0b] = {'h', 'H'},
    [0x0c] = {'i', 'I'},     [0x0d] = {'j', 'J'},     [0x0e] = {'k', 'K'},     [0x0f] = {'l', 'L'},
    [0x10] = {'m', 'M'},     [0x11] = {'n', 'N'},     [0x12] = {'o', 'O'},     [0x13] = {'p', 'P'},
    [0x14] = {'q', 'Q'},     [0x15] = {'r', 'R'},     [0x16] = {'s', 'S'},     [0x17] = {'t', 'T'},
    [0x18] = {'u', 'U'},     [0x19] = {'v', 'V'},     [0x1a] = {'w', 'W'},     [0x1b] = {'x', 'X'},
    [0x1c] = {'y', 'Y'},     [0x1d] = {'z', 'Z'},     [0x1e] = {'1', '!'},     [0x1f] = {'2', '@'},
    [0x20] = {'3', '#'},     [0x21] = {'4', '$'},     [0x22] = {'5', '%'},     [0x23] = {'6', '^'},
    [0x24] = {'7', '&'},     [0x25] = {'8', '*'},     [0x26] = {'9', '('},     [0x27] = {'0', ')'},
    [0x28] = {'\r', '\r'},   [0x29] = {0x1b, 0x1b},   [0x2a] = {0x7f, 0x7f},   [0x2b] = {'\t', '\t'},
    [0x2c] = {' ', ' '},     [0x2d] = {'-', '_'},     [0x2e] = {'=', '+'},     [0x2f] = {'[', '{'},
    [0x30] = {']', '}'},     [0x31] = {'\\', '|'},    [0x32] = {'\\', '|'},    [0x33] = {';', ':'},
    [0x34] = {'\'', '"'},    [0x35] = {'`', '~'},     [0x36] = {',', '<'},     [0x37] = {'.', '>'},
    [0x38] = {'/', '?'},     [0x3a] = {0, 0, "OP"},   [0x3b] = {0, 0, "OQ"},   [0x3c] = {0, 0, "OR"},
    [0x3d] = {0, 0, "OS"},   [0x3e] = {0, 0, "[15~"}, [0x3f] = {0, 0, "[17~"}, [0x40] = {0, 0, "[18~"},
    [0x41] = {0, 0, "[19~"}, [0x42] = {0, 0, "[20~"}, [0x43] = {0, 0, "[21~"}, [0x44] = {0, 0, "[23~"},
    [0x45] = {0, 0, "[24~"}, [0x49] = {0, 0, "[2~"},  [0x4a] = {0, 0, "[H"},   [0x4b] = {0, 0, "[5~"},
    [0x4c] = {0, 0, "[3~"},  [0x4d] = {0, 0, "[F"},   [0x4e] = {0, 0, "[6~"},  [0x4f] = {0, 0, "[C"},
    [0x50] = {0, 0, "[D"},   [0x51] = {0, 0, "[B"},   [0x52] = {0, 0, "[A"},   [0x54] = {'/', '/'},
    [0x55] = {'*', '*'},     [0x56] = {'-', '-'},     [0x57] = {'+', '+'},     [0x58] = {'\r', '\r'},
    [0x59] = {'1', '1'},     [0x5a] = {'2', '2'},     [0x5b] = {'3', '3'},     [0x5c] = {'4', '4'},
    [0x5d] = {'5', '5'},     [0x5e] = {'6', '6'},     [0x5f] = {'7', '7'},     [0x60] = {'8', '8'},
    [0x61] = {'9', '9'},     [0x62] = {'0', '0'},     [0x63] = {'.', '.'},     [0x64] = {'\\', '|'},
};

static uint8_t modifiers;
static bool caps_lock;
static uint8_t held; // key that is repeated; 0: none
static int64_t repeat_at = TIME_NEVER;

// ---- what finds the runtime's ring full is lost, as a terminal does it; but it is said

static Losses losses;

static void push(uint8_t b) {
    if (!input_push(b)) device_poll_at(clock_now_ns());
}

static void send(uint8_t usage) {
    if ((modifiers & MOD_SHIFT) && (usage == KEY_PAGE_UP || usage == KEY_PAGE_DOWN)) {
        screen_scroll(usage == KEY_PAGE_UP ? 1 : -1);
        return;
    }
    char c = modifiers & MOD_SHIFT ? key_table[usage].shifted : key_table[usage].plain;
    const char *sequence = key_table[usage].sequence;
    if (!c && !sequence) return;
    screen_scroll(0); // who types looks at what is typed
    if (sequence) {
        push(0x1b);
        for (; *sequence; sequence++)
            push((uint8_t)*sequence);
        return;
    }
    if (caps_lock && usage >= KEY_A && usage <= KEY_Z) c ^= 0x20;
    if (modifiers & MOD_CTRL) {
        if (c >= '@' && c < 0x7f)
            c &= 0x1f;
        else if (c == ' ')
            c = 0;
    }
    if (c == CTRL_T && (modifiers & MOD_CTRL)) {
        dump_request();
        return;
    }
    if (modifiers & MOD_ALT) push(0x1b);
    push((uint8_t)c);
}

void keyboard_key(uint8_t usage, bool down, bool repeat) {
    if (usage >= KEY_CTRL_LEFT && usage <= KEY_GUI_RIGHT) {
        uint8_t bit = (uint8_t)(1 << (usage - KEY_CTRL_LEFT));
        modifiers = down ? modifiers | bit : modifiers & (uint8_t)~bit;
        return;
    }
    if (!down && usage == held) {
        held = 0;
        repeat_at = TIME_NEVER;
    }
    if (!down || usage >= KEY_LAST) return;
    if (usage == KEY_CAPS_LOCK) {
        caps_lock = !caps_lock;
        return;
    }
    if (repeat) {
        held = usage;
        repeat_at = clock_now_ns() + REPEAT_FIRST_NS;
        device_poll_at(repeat_at);
    }
    send(usage);
}

int64_t keyboard_poll(int64_t now) {
    if (held && repeat_at <= now) {
        repeat_at = now + REPEAT_NEXT_NS;
        send(held);
    }
    int64_t tell = losses_tell(&losses, input_lost(), now, "keys:   ", ": nobody reads what is typed");
    return tell < repeat_at ? tell : repeat_at;
}

static bool keyboard_probe(const BootInfo *bi) {
    return true;
}
const Driver keyboard_driver = {.stage = DRIVER_DEVICE, .probe = keyboard_probe, .poll = keyboard_poll};
