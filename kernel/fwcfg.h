// fwcfg.h -- QEMU's firmware configuration device: files that the command line of QEMU hands to the guest.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool fwcfg_present(void); // QEMU is below us (and says so). Probed at the first call. [any]
// Copies the first `cap` bytes of file `name` to buf and returns the file's size in bytes; -1: no such file.
// [boot]
int64_t fwcfg_read(const char *name, void *buf, size_t cap);
