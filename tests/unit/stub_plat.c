// stub_plat.c -- just enough of the machine, of lock.c and of the reports for rt files to run alone in a unit
// test.
//
// One system thread may be several Ps in turn (stub_set_p). Every function here is weak, so that a test that
// links the real rt file of the same name gets that one.
#define _GNU_SOURCE
#include "stub_plat.h"
#include "inject.h"
#include "profile.h"
#include "trace.h"
#include <asm/prctl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

int stub_cpu_count = 1;
_Atomic size_t stub_vmap_live;
bool stub_vmap_fails, stub_vunmap_late;
jmp_buf *stub_throw_to;
char stub_throw_text[256];

// ---- nobody looks
uint32_t rt_watch WEAK;
bool trace_wanted WEAK;
WEAK void profile_alloc_slow(void *object) {}
WEAK const uint64_t *profile_heap_rate; // read while gc.profiled only
WEAK void trace_note_slow(TraceKind kind, unsigned why, const G *g, uint64_t arg) {}

WEAK int64_t plat_now_ns(void) { return 0; }
WEAK void stall_count(StallCause cause, int64_t from, int64_t to) {}

// ---- P
P *stub_p(int i) {
    static P *all[8];
    if (!all[i]) {
        all[i] = aligned_alloc(64, (sizeof(P) + 63) & ~(size_t)63);
        memset(all[i], 0, sizeof(P));
        all[i]->self = all[i];
        all[i]->id = (uint32_t)i;
    }
    return all[i];
}
void stub_set_p(P *p) {
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, p) != 0) {
        perror("arch_prctl(ARCH_SET_GS)");
        exit(1);
    }
}
static __attribute__((constructor)) void stub_init(void) {
    stub_set_p(stub_p(0));
}

// ---- memory
#define MAP_ALIGN (2ull << 20)
void *stub_reserve(size_t bytes) {
    char *p = mmap(NULL, bytes + MAP_ALIGN, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        perror("stub_reserve");
        exit(1);
    }
    char *at = (char *)(((uintptr_t)p + MAP_ALIGN - 1) & ~(uintptr_t)(MAP_ALIGN - 1));
    if (at > p) munmap(p, (size_t)(at - p));
    munmap(at + bytes, (size_t)(p + MAP_ALIGN - at));
    return at;
}
void stub_release(void *p, size_t bytes) {
    munmap(p, bytes);
}

// Mappings: other memory of the same size, as plat.h allows; the frames are kept in front of it until
// plat_vunmap.
static size_t vmap_head(size_t n) {
    return (n * sizeof(void *) + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
}
WEAK void *plat_vmap(void *const *frames, size_t n) {
    if (stub_vmap_fails) return NULL;
    size_t bytes = vmap_head(n) + n * PAGE_SIZE;
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return NULL;
    memcpy(p, frames, n * sizeof(void *));
    stub_vmap_live += n;
    return p + vmap_head(n);
}
static struct {
    void *addr;
    size_t n;
} late[16]; // unmapped, not freed yet
static size_t late_n;
static void vunmap_now(void *addr, size_t n) {
    void **frames = (void **)((char *)addr - vmap_head(n));
    for (size_t i = 0; i < n; i++)
        page_free(frames[i], 1);
    munmap(frames, vmap_head(n) + n * PAGE_SIZE);
}
WEAK void plat_vunmap(void *addr, size_t n) {
    stub_vmap_live -= n;
    if (stub_vunmap_late && late_n < 16) {
        late[late_n].addr = addr, late[late_n++].n = n;
        return;
    }
    vunmap_now(addr, n);
}
WEAK bool plat_reclaim(void) {
    bool any = late_n > 0;
    while (late_n > 0) {
        late_n--;
        vunmap_now(late[late_n].addr, late[late_n].n);
    }
    return any;
}

// ---- machine
WEAK bool inject_on;
WEAK bool inject_slow(unsigned kind) {
    return false;
}
WEAK int plat_cpu_count(void) {
    return stub_cpu_count;
}
WEAK void plat_spin(unsigned turns) {
    if (turns % 64 == 63) syscall(SYS_sched_yield);
}
WEAK size_t plat_write_try(const char *s, size_t n) {
    return fwrite(s, 1, n, stderr);
}
WEAK void plat_write(const char *s, size_t n) {
    fwrite(s, 1, n, stderr);
}
WEAK void sys_call(void (*fn)(void *), void *arg) {
    fn(arg);
}
WEAK void rt_door_slow(void) {}

// ---- no collector
WEAK Gc gc;
WEAK void gc_allocated(uint64_t bytes) {}
WEAK bool gc_force(void) {
    return false;
}
WEAK bool gc_must_stay(void) {
    return false;
}
WEAK void special_sweep(Span *s) {}

// ---- lock.c without ranks
WEAK void lock_acquire_slow(Lock *l) {
    for (unsigned turns = 0; !lock_try(l); turns++)
        plat_spin(turns);
}
WEAK void lock_note_acquire(const Lock *l) {
    (void)l;
}
WEAK void lock_note_release(const Lock *l) {
    (void)l;
}

// ---- reports
static _Noreturn void ended(const char *kind, const char *text) {
    snprintf(stub_throw_text, sizeof stub_throw_text, "%s", text);
    if (stub_throw_to) longjmp(*stub_throw_to, 1);
    fprintf(stderr, "%s: %s\n", kind, text);
    abort();
}
WEAK void rt_printf(const char *fmt, ...) {
    if (stub_throw_to) return; // expected: keep the log short
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
}
WEAK _Noreturn void rt_throw(const char *msg) {
    ended("rt_throw", msg);
}
WEAK _Noreturn void rt_fatal(const char *fmt, ...) {
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ended("rt_fatal", text);
}
WEAK _Noreturn void panic_runtime(const char *text) {
    ended("panic", text);
}
WEAK _Noreturn void nil_panic(void) {
    ended("panic", "invalid memory address or nil pointer dereference");
}
WEAK _Noreturn void panic_plain(const char *text) {
    ended("panic", text);
}
_Noreturn void panic_texts(const char *fmt, const char *a, const char *b);
WEAK _Noreturn void panic_texts(const char *fmt, const char *a, const char *b) {
    ended("panic", fmt);
}

// ---- the collector: off
WEAK Gc gc;
WEAK void gc_shade_slow(uintptr_t old) {}
WEAK void gc_shade_words_slow(const void *p, uint64_t bytes) {}
