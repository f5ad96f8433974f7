// insns.c -- a plugin of QEMU that counts how often each instruction was executed.
//
//     cc -shared -fPIC -o insns.so insns.c;  qemu-system-x86_64 ... -plugin insns.so,out=FILE
//
// For machines with one core. FILE gets "ADDRESS TIMES" in hex and decimal for each instruction that was, when QEMU ends; an address may come several
// times (add them). Declared here is what is used of QEMU's plugin interface: see ../linux/split.c.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
enum { ADD_U64 = 0 };
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int op, void *, uint64_t);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_atexit_cb(uint64_t id, void (*)(uint64_t, void *), void *);

#define PUBLIC __attribute__((visibility("default")))
PUBLIC int qemu_plugin_version = 1;
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) PUBLIC;

// A block is translated anew now and then: each translation has counters of its own, kept to the end.
typedef struct Block {
    struct Block *next;
    size_t n;
    struct { uint64_t address, times; } insn[];
} Block;
static Block *blocks;
static FILE *out;

static void translated(uint64_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    size_t n = qemu_plugin_tb_n_insns(tb);
    Block *b = calloc(1, sizeof *b + n * sizeof b->insn[0]);
    if (!b) abort();
    b->next = blocks, b->n = n, blocks = b;
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        b->insn[i].address = qemu_plugin_insn_vaddr(insn);
        qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64, &b->insn[i].times, 1);
    }
}
static void ended(uint64_t id, void *unused) {
    (void)id, (void)unused;
    for (const Block *b = blocks; b; b = b->next)
        for (size_t i = 0; i < b->n; i++)
            if (b->insn[i].times) fprintf(out, "%llx %llu\n", (unsigned long long)b->insn[i].address, (unsigned long long)b->insn[i].times);
    fclose(out);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) || !(out = fopen(argv[0] + 4, "w"))) return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
