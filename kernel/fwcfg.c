// fwcfg.c -- reading QEMU's fw_cfg by its two ports: select an item, then read its bytes one by one.
//
// A machine that is not QEMU does not answer with the signature; nothing else is then asked. What comes is
// outside input: the number of files and of bytes is bounded here, not by the device.
#include "kernel/fwcfg.h"
#include "kernel/x86/cpu.h"

enum { PORT_SELECT = 0x510, PORT_DATA = 0x511 };
enum { ITEM_SIGNATURE = 0x0000, ITEM_DIRECTORY = 0x0019 };
enum { FILES_MAX = 4096, NAME_BYTES = 56 };

static void read_bytes(void *dst, size_t n) {
    uint8_t *p = dst;
    for (size_t i = 0; i < n; i++)
        p[i] = cpu_in8(PORT_DATA);
}

static uint32_t read_be32(void) {
    uint8_t b[4];
    read_bytes(b, 4);
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void select_item(uint16_t item) {
    cpu_out16(PORT_SELECT, item);
}

bool fwcfg_present(void) {
    static int known; // 0: not asked, 1: no, 2: yes
    if (!known) {
        select_item(ITEM_SIGNATURE);
        known = read_be32() == 0x51454d55 /* "QEMU" */ ? 2 : 1;
    }
    return known == 2;
}

static bool name_equal(const char *file, const char *name) {
    for (int i = 0; i < NAME_BYTES; i++) {
        if (file[i] != name[i]) return false;
        if (name[i] == 0) return true;
    }
    return false;
}

// Directory: count, then {size, item, reserved, name}, all big-endian.
static bool find(const char *name, uint32_t *size, uint16_t *item) {
    select_item(ITEM_DIRECTORY);
    uint32_t count = read_be32();
    for (uint32_t i = 0; i < count && i < FILES_MAX; i++) {
        char file[NAME_BYTES];
        *size = read_be32();
        *item = (uint16_t)(read_be32() >> 16);
        read_bytes(file, sizeof file);
        if (name_equal(file, name)) return true;
    }
    return false;
}

int64_t fwcfg_read(const char *name, void *buf, size_t cap) {
    uint32_t size;
    uint16_t item;
    if (!fwcfg_present() || !find(name, &size, &item)) return -1;
    select_item(item);
    read_bytes(buf, size < cap ? size : cap);
    return size;
}
