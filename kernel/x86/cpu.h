// cpu.h -- one-instruction wrappers, and the names of the bits they read and write.
// Context: any. Each is what the instruction is; the "memory" clobbers are for those that change what memory
// means.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// ---- model-specific registers
enum {
    MSR_APIC_BASE = 0x1b,
    MSR_PAT = 0x277,
    MSR_EFER = 0xc0000080,
    MSR_FS_BASE = 0xc0000100,
    MSR_GS_BASE = 0xc0000101,
};
enum { EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11 };

// ---- control registers
#define CR0_PE (1ull << 0)
#define CR0_MP (1ull << 1)
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)
#define CR0_ET (1ull << 4)
#define CR0_NE (1ull << 5)
#define CR0_WP (1ull << 16)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)

#define CR4_PAE        (1ull << 5)
#define CR4_MCE        (1ull << 6)
#define CR4_OSFXSR     (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_UMIP       (1ull << 11)
#define CR4_LA57       (1ull << 12)
#define CR4_OSXSAVE    (1ull << 18)
#define CR4_SMEP       (1ull << 20)

#define RFLAGS_TF (1ull << 8)
#define RFLAGS_IF (1ull << 9)

static inline uint8_t cpu_in8(uint16_t port) {
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline uint16_t cpu_in16(uint16_t port) {
    uint16_t v;
    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline uint32_t cpu_in32(uint16_t port) {
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline void cpu_out8(uint16_t port, uint8_t v) {
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}
static inline void cpu_out16(uint16_t port, uint16_t v) {
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}
static inline void cpu_out32(uint16_t port, uint32_t v) {
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint64_t cpu_rdmsr(uint32_t msr) {
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}
static inline void cpu_wrmsr(uint32_t msr, uint64_t v) {
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

typedef struct {
    uint32_t a, b, c, d;
} CpuId;
static inline CpuId cpu_cpuid(uint32_t leaf, uint32_t subleaf) {
    CpuId r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t cpu_read_cr0(void) {
    uint64_t v;
    __asm__ volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}
static inline uint64_t cpu_read_cr2(void) {
    uint64_t v;
    __asm__ volatile("mov %%cr2, %0" : "=r"(v));
    return v;
}
static inline uint64_t cpu_read_cr3(void) {
    uint64_t v;
    __asm__ volatile("mov %%cr3, %0" : "=r"(v));
    return v;
}
static inline uint64_t cpu_read_cr4(void) {
    uint64_t v;
    __asm__ volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}
static inline void cpu_write_cr0(uint64_t v) {
    __asm__ volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}
static inline void cpu_write_cr3(uint64_t v) {
    __asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}
static inline void cpu_write_cr4(uint64_t v) {
    __asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}
static inline void cpu_invlpg(uintptr_t addr) {
    __asm__ volatile("invlpg (%0)" : : "r"(addr) : "memory");
}

static inline uint64_t cpu_xgetbv(uint32_t index) {
    uint32_t lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(index));
    return (uint64_t)hi << 32 | lo;
}
static inline void cpu_xsetbv(uint32_t index, uint64_t v) {
    __asm__ volatile("xsetbv" : : "c"(index), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

static inline uint64_t cpu_rdtsc(void) {
    uint32_t lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

// ---- descriptor tables
typedef struct __attribute__((packed)) {
    uint16_t limit;
    uint64_t base;
} CpuTablePtr;
static inline void cpu_lgdt(const CpuTablePtr *t) {
    __asm__ volatile("lgdt %0" : : "m"(*t));
}
static inline void cpu_lidt(const CpuTablePtr *t) {
    __asm__ volatile("lidt %0" : : "m"(*t));
}
static inline void cpu_ltr(uint16_t sel) {
    __asm__ volatile("ltr %0" : : "r"(sel) : "memory");
}
static inline uint16_t cpu_str(void) {
    uint32_t sel;
    __asm__ volatile("str %0" : "=r"(sel));
    return (uint16_t)sel;
}

// ---- interrupts
static inline void cpu_cli(void) {
    __asm__ volatile("cli" : : : "memory");
}
static inline void cpu_sti(void) {
    __asm__ volatile("sti" : : : "memory");
}
static inline void cpu_hlt(void) {
    __asm__ volatile("hlt" : : : "memory");
}
// The instruction after sti still runs with interrupts held, so no wake-up slips between the check and the
// halt.
static inline void cpu_sti_hlt(void) {
    __asm__ volatile("sti; hlt" : : : "memory");
}
// Writes a cache line back and forgets it; ordered against other accesses to the line, and by the fence
// against all.
static inline void cpu_clflush(const void *p) {
    __asm__ volatile("clflush %0; mfence" : : "m"(*(const char *)p) : "memory");
}
static inline void cpu_pause(void) {
    __asm__ volatile("pause");
}
static inline uint64_t cpu_rflags(void) {
    uint64_t f;
    __asm__ volatile("pushfq; pop %0" : "=r"(f) : : "memory");
    return f;
}
// Pair: the flag as it was is given back, so that the two nest.
static inline bool cpu_irq_save(void) {
    bool on = (cpu_rflags() & RFLAGS_IF) != 0;
    cpu_cli();
    return on;
}
static inline void cpu_irq_restore(bool on) {
    if (on) cpu_sti();
}
