// split.c -- a plugin of QEMU that counts instructions below and above the middle of the address space: Linux programs' and Linux's own.
//
//     cc -shared -fPIC -o split.so split.c;  qemu-system-x86_64 ... -plugin split.so,out=FILE
//
// For machines with one core. FILE gets "user N kernel N" when QEMU ends. Debian ships no qemu-plugin.h: declared here is what is used
// of version 1 of QEMU's plugin interface (docs/devel/tcg-plugins in QEMU's sources).
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct qemu_plugin_tb;
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *), int flags, void *);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_atexit_cb(uint64_t id, void (*)(uint64_t, void *), void *);

#define PUBLIC __attribute__((visibility("default")))
PUBLIC int qemu_plugin_version = 1;
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) PUBLIC;

static uint64_t counts[2];
static FILE *out;

static void count_user(unsigned core, void *n) { (void)core, counts[0] += (uintptr_t)n; }
static void count_kernel(unsigned core, void *n) { (void)core, counts[1] += (uintptr_t)n; }
static void translated(uint64_t id, struct qemu_plugin_tb *block) {
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(block, qemu_plugin_tb_vaddr(block) >> 63 ? count_kernel : count_user, 0,
                                         (void *)qemu_plugin_tb_n_insns(block));
}
static void ended(uint64_t id, void *unused) {
    (void)id, (void)unused;
    fprintf(out, "user %llu kernel %llu\n", (unsigned long long)counts[0], (unsigned long long)counts[1]);
    fclose(out);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) || !(out = fopen(argv[0] + 4, "w"))) return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
