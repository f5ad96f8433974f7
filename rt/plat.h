// plat.h -- everything rt asks of the machine below it.
//
// Two implementations: kernel/ (the metal) and tests/host/plat_linux.c (threads of a Linux process). Nothing here
// allocates from the rt heap, takes an rt lock or parks a goroutine. A *core* is M and P in one.
// "small": needs at most 128 B of stack, so rt calls it on a goroutine's stack; everything else is called on
// the core's system stack (sys_call). All code that an interrupt handler reaches uses general registers only.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAT_MAX_CPUS 256
#define PAGE_SIZE     4096u
#define TIME_NEVER    INT64_MAX

struct P;

// The interrupted context, as the trap stubs push it and as gogo.asm reloads it. Offsets go to nasm by
// scripts/asm_offsets.sh. On Linux the signal handler translates ucontext to this and back.
typedef struct TrapFrame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
} TrapFrame;
_Static_assert(sizeof(TrapFrame) == 176, "TrapFrame is shared with assembly");

// ---- cores
int plat_cpu_count(void); // cores that answered, 1..PLAT_MAX_CPUS; constant after rt_main is entered
// Lets core `cpu` (1..count-1) leave its parking loop and call fn(cpu) on its system stack, with %gs and %fs
// set for rt_ps[cpu]. Called once per core.
void plat_cpu_start(int cpu, void (*fn)(int cpu));
// Sleeps the calling core until plat_wake(this core) or its armed timer. Returns at once if p->wake is already set (the
// store is the waker's, see idle.c); may return spuriously. Interrupt-safe: check and halt are one step.
void plat_idle(struct P *p);
// Makes core `cpu` return from plat_idle soon; the caller has stored p->wake = 1 before (small).
void plat_wake(int cpu);
// Makes core `cpu` call rt_irq_ipi soon, in interrupt (signal) context. cpu may be the caller's own (small).
void plat_ipi(int cpu);
// One turn of a spin loop; `turns` counts them from 0. Linux gives the processor away now and then (small).
void plat_spin(unsigned turns);

// ---- time
int64_t plat_now_ns(void);               // monotonic, the same clock on every core (small)
int64_t plat_wall_ns(void);              // Unix time; 0 when unknown
// One-shot: rt_irq_tick runs on this core at or soon after `deadline_ns`; replaces the earlier one; TIME_NEVER disarms (small).
void plat_timer_arm(int64_t deadline_ns);

// ---- console
// Accepts up to n bytes for all consoles and returns how many (less when the buffers are full). Never waits.
size_t plat_write_try(const char *s, size_t n);
// For reports: usable anywhere, in interrupts and after a fault; waits, bounded, per byte.
void plat_write(const char *s, size_t n);
// Pushes buffered bytes to the devices; returns how many remain. Never waits.
size_t plat_console_drain(void);
// Begins to bring what is typed to input.h's ring, if it does not do so anyway. Called at most once, when somebody reads for the first time.
typedef enum {
    PLAT_INPUT_NONE, // nothing to type on, and never will be
    PLAT_INPUT_KEYS, // bytes as they are typed: lines are made by console.c
    PLAT_INPUT_HOST, // of a system that has its own opinion on lines
} PlatInput;
PlatInput plat_input_start(void);
// A report begins, which ends in plat_exit: a machine with a screen shows its first words as a picture for cameras, too. Any context.
void plat_report_begins(void);
// Ends the machine (process) with `code` 0..255 after the consoles have drained. Any context.
_Noreturn void plat_exit(int code);

// ---- the side channel: bytes for tools outside (rt/side.h). n = 0 asks whether there is one. False: there is none, or it is full.
// Waits for the device; one core, system stack or a report's.
bool plat_side_write(const void *data, size_t n);

// ---- memory
// Maps `n` frames (addresses that page_alloc returned, in any order) at consecutive addresses, writable, not executable.
// NULL: no memory for page tables. Linux may ignore the frames and give other memory of equal size.
void *plat_vmap(void *const *frames, size_t n);
// Undoes it and calls page_free on each frame when no core can reach it through the mapping any more (batched, no waiting).
void plat_vunmap(void *addr, size_t n);
// Frames of earlier plat_vunmaps may still be on their way: frees those that are ready. True: some were. Before saying "out of memory".
bool plat_reclaim(void);

// ---- floating point state: how gogo.asm saves it; set once before rt_main
typedef enum { FPU_FXSAVE = 0, FPU_XSAVE = 1, FPU_XSAVEC = 2 } FpuMode;
extern uint32_t rt_fpu_mode;  // FpuMode; defined in rt/preempt.c
extern uint32_t rt_fpu_bytes; // size of the save area, multiple of 64, at most 4096
extern uint64_t rt_fpu_mask;  // state components (XCR0 less what we do not preserve)
// Saves the interrupted context's vector state into area (64-byte aligned). Interrupt context, general registers only:
// the metal's registers still hold it, Linux copies it from the signal frame.
void plat_fpu_capture(void *area);

// ---- blobs of the image (scripts/pack_blob.py; format in rt/symtab.c and rt/file.c); bytes = 0: none
typedef struct { const void *data; size_t bytes; } PlatBlob;
PlatBlob plat_blob_files(void);
PlatBlob plat_blob_symbols(void);

// ---- %gs: the current P. Reread after every switch: asm volatile is never cached across a call.
static inline struct P *plat_self(void) {
    struct P *p;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(p));
    return p;
}
// ---- %fs:0x70: the stack guard that -fsplit-stack prologues compare with.
static inline void plat_guard_set(uintptr_t guard) { __asm__ volatile("movq %0, %%fs:0x70" : : "r"(guard) : "memory"); }
static inline uintptr_t plat_guard_get(void) {
    uintptr_t g;
    __asm__ volatile("movq %%fs:0x70, %0" : "=r"(g));
    return g;
}
