// t_fpu.c -- vector and control registers survive preemption with migration.
//
// Each worker fills every vector register, the x87 stack and both control words with a pattern of its own,
// spins without a call, and compares: one block of assembly, so that the registers hold the pattern all the
// time in which it is preempted. The width is what the runtime preserves on this machine: xmm0-15, ymm0-15,
// or zmm0-31 with the mask registers. Control words must also be the goroutine's own across gosched, where
// vector registers need not survive.
//
// The verdict does not depend on the host's speed: it goes on until the wanted number of preemptions has
// come; the time limits are guards against a hang.
//
// args: 100000 20
// smp: 2
// timeout: 900
#include "metal.h"

#define WORKERS_MAX (2 * PLAT_MAX_CPUS)
#define AVX         (1ull << 2)
#define AVX512      (7ull << 5)

typedef struct Image {
    uint8_t vector[32][64];
    uint64_t mask[8];
    double x87[8];
    uint32_t mxcsr;
    uint16_t fcw;
} Image __attribute__((aligned(64)));

typedef struct Worker {
    Image in, out;
    uint64_t rounds, moves;
} Worker;

static Worker workers[WORKERS_MAX];
static _Atomic bool stop;
static _Atomic int ended;
static _Atomic uint64_t differences;
static uint64_t spin_turns = 100000;

#define EACH16    "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"
#define EACH32    EACH16 ",16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
#define EACH_MASK "1,2,3,4,5,6,7"
#define LOAD_X87  ".irp n,7,6,5,4,3,2,1,0\nfldl 2112+8*\\n(%[in])\n.endr\n"
#define STORE_X87 ".irp n,0,1,2,3,4,5,6,7\nfstpl 2112+8*\\n(%[out])\n.endr\n"
#define CONTROL_IN                                                                                           \
    "fninit\n"                                                                                               \
    "fldcw 2180(%[in])\n"                                                                                    \
    "ldmxcsr 2176(%[in])\n"
#define CONTROL_OUT                                                                                          \
    "stmxcsr 2176(%[out])\n"                                                                                 \
    "fnstcw 2180(%[out])\n"                                                                                  \
    "fninit\n"                                                                                               \
    "ldmxcsr %[plain]\n"
#define SPIN "1: dec %[turns]\njnz 1b\n"
_Static_assert(__builtin_offsetof(Image, mask) == 2048 && __builtin_offsetof(Image, x87) == 2112 &&
                   __builtin_offsetof(Image, mxcsr) == 2176 && __builtin_offsetof(Image, fcw) == 2180,
               "offsets in the assembly");

#define RUN(load, store)                                                                                     \
    __asm__ volatile(CONTROL_IN LOAD_X87 load SPIN store STORE_X87 CONTROL_OUT                               \
                     : [turns] "+r"(turns)                                                                   \
                     : [in] "r"(&w->in), [out] "r"(&w->out), [plain] "m"(plain)                              \
                     : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",       \
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)",  \
                       "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)")

static void spin_sse(Worker *w, uint64_t turns) {
    static const uint32_t plain = 0x1f80;
    RUN(".irp n," EACH16 "\nmovups 64*\\n(%[in]), %%xmm\\n\n.endr\n",
        ".irp n," EACH16 "\nmovups %%xmm\\n, 64*\\n(%[out])\n.endr\n");
}
static void spin_avx(Worker *w, uint64_t turns) {
    static const uint32_t plain = 0x1f80;
    RUN(".irp n," EACH16 "\nvmovups 64*\\n(%[in]), %%ymm\\n\n.endr\n",
        ".irp n," EACH16 "\nvmovups %%ymm\\n, 64*\\n(%[out])\n.endr\nvzeroupper\n");
}
static void spin_avx512(Worker *w, uint64_t turns) {
    static const uint32_t plain = 0x1f80;
    RUN(".irp n," EACH32 "\nvmovups 64*\\n(%[in]), %%zmm\\n\n.endr\n.irp n," EACH_MASK
        "\nkmovq 2048+8*\\n(%[in]), %%k\\n\n.endr\n",
        ".irp n," EACH32 "\nvmovups %%zmm\\n, 64*\\n(%[out])\n.endr\n.irp n," EACH_MASK
        "\nkmovq %%k\\n, 2048+8*\\n(%[out])\n.endr\nvzeroupper\n");
}

static int vector_bytes(void) {
    if (rt_fpu_mode == FPU_FXSAVE) return 16;
    if ((rt_fpu_mask & AVX512) == AVX512) return 64;
    return rt_fpu_mask & AVX ? 32 : 16;
}

static void fill(Worker *w, uint64_t seed) {
    uint64_t x = seed * 0x9e3779b97f4a7c15ull + 1;
    for (int i = 0; i < 32; i++)
        for (int j = 0; j < 64; j++) {
            x = x * 6364136223846793005ull + 1442695040888963407ull;
            w->in.vector[i][j] = (uint8_t)(x >> 56);
        }
    for (int i = 0; i < 8; i++) {
        w->in.mask[i] = x ^ (uint64_t)i * 0x0123456789abcdefull;
        w->in.x87[i] = (double)(seed * 8 + (uint64_t)i) + 0.25;
    }
    w->in.mxcsr = 0x1f80 | (uint32_t)(seed % 4) << 13;    // rounding mode
    w->in.fcw = (uint16_t)(0x37f | (seed / 4 % 4) << 10); // rounding mode, independent of it
}

static bool same(const Worker *w, int bytes) {
    int count = bytes == 64 ? 32 : 16;
    for (int i = 0; i < count; i++)
        if (__builtin_memcmp(w->in.vector[i], w->out.vector[i], (size_t)bytes)) return false;
    for (int i = 1; bytes == 64 && i < 8; i++)
        if (w->in.mask[i] != w->out.mask[i]) return false;
    for (int i = 0; i < 8; i++)
        if (w->in.x87[i] != w->out.x87[i]) return false;
    return (w->out.mxcsr & 0xffc0) == w->in.mxcsr &&
           w->out.fcw == w->in.fcw; // status flags of mxcsr may be set
}

// Sets the control words, lets others run, and tells whether they are still the same.
static bool control_words_survive_gosched(const Worker *w) {
    uint32_t mxcsr = 0, plain = 0x1f80;
    uint16_t fcw = 0, plain_fcw = 0x37f;
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(w->in.mxcsr), "m"(w->in.fcw) : "memory");
    gosched();
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1\n\tldmxcsr %2\n\tfldcw %3"
                     : "=m"(mxcsr), "=m"(fcw)
                     : "m"(plain), "m"(plain_fcw)
                     : "memory");
    return (mxcsr & 0xffc0) == w->in.mxcsr && fcw == w->in.fcw;
}

static void work(void *arg) {
    Worker *w = arg;
    int bytes = vector_bytes(), core = core_id();
    fill(w, (uint64_t)(w - workers) + 1);
    while (!load_relaxed(&stop)) {
        if (bytes == 64)
            spin_avx512(w, spin_turns);
        else if (bytes == 32)
            spin_avx(w, spin_turns);
        else
            spin_sse(w, spin_turns);
        if (!same(w, bytes)) fetch_add(&differences, 1);
        if (w->rounds++ % 16 == 0) CHECK_QUIETLY(control_words_survive_gosched(w));
        if (core_id() != core) w->moves++;
        core = core_id();
    }
    fetch_add(&ended, 1);
}

int main(int argc, char **argv) {
    long wanted = arg_number(argc, argv, 1, 100000), slice_us = arg_number(argc, argv, 2, 50);
    int n = 2 * gomaxprocs(0) + 1;
    say("%d workers, %d bytes a vector register\n", n, vector_bytes());
    sched_set_slice(slice_us * 1000);
    int64_t before = SUM_OVER_CORES(n_preempt_async);
    for (int i = 0; i < n; i++)
        go(work, &workers[i]);
    WAIT_UNTIL(SUM_OVER_CORES(n_preempt_async) - before >= wanted, 800);
    store_seq(&stop, true);
    check_true("all end when told", WAIT_UNTIL(load_seq(&ended) == n, 60));
    uint64_t moves = 0, rounds = 0;
    for (int i = 0; i < n; i++) {
        moves += workers[i].moves;
        rounds += workers[i].rounds;
    }
    check_at_least("preemptions in application text", SUM_OVER_CORES(n_preempt_async) - before, wanted);
    check_at_least("rounds", (int64_t)rounds, n);
    if (gomaxprocs(0) > 1)
        check_at_least("rounds that ended on another core than they began", (int64_t)moves, wanted / 1000);
    check_equal("rounds with a register changed", (int64_t)load_seq(&differences), 0);
    return check_end("t_fpu");
}
