// random.c -- random bytes fit for keys: what the processor calls random and what its timing shows, stretched by ChaCha20.
//
// Sources, all mixed into the first key: RDSEED or else RDRAND where CPUID has them, and 4096 differences of the time stamp counter around loads and
// a division, which vary with caches, interrupts and a hypervisor's doings. The differences alone are taken as enough only if they vary: 64 values
// among them that differ from their predecessor by other than the commonest amount... in short, at least VARIETY distinct changes. A machine with
// neither (an emulator that counts instructions) has no randomness, and crypto/rand says so instead of inventing some. Nothing is read before the first
// request: a run that is recorded to be repeated must not ask.
//
// Output: ChaCha20 (RFC 8439) with fast key erasure: the first 32 bytes of each block sequence become the next key, so that what was handed out cannot be
// computed from memory later.
//
// Lock: pool.lock, for a block at a time (rank RECORD: nothing is taken inside).
#include "random.h"
#include "../core.h"

enum { SAMPLES = 4096, VARIETY = 128, HARDWARE_WORDS = 8, TRIES = 16 };

static struct {
    Lock lock;
    bool seeded, refused;
    uint32_t key[8];
    uint64_t counter;
} pool = {.lock = LOCK_INIT(RANK_RECORD)};

// ---- ChaCha20

#define ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define QUARTER(a, b, c, d)                                                                                            \
    (a += b, d = ROTATE(d ^ a, 16), c += d, b = ROTATE(b ^ c, 12), a += b, d = ROTATE(d ^ a, 8), c += d, b = ROTATE(b ^ c, 7))

static void chacha_block(uint32_t out[16], const uint32_t key[8], uint64_t counter) {
    uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, [12] = (uint32_t)counter, [13] = (uint32_t)(counter >> 32)};
    memcpy(in + 4, key, 32);
    memcpy(out, in, sizeof in);
    for (int i = 0; i < 10; i++) {
        QUARTER(out[0], out[4], out[8], out[12]);
        QUARTER(out[1], out[5], out[9], out[13]);
        QUARTER(out[2], out[6], out[10], out[14]);
        QUARTER(out[3], out[7], out[11], out[15]);
        QUARTER(out[0], out[5], out[10], out[15]);
        QUARTER(out[1], out[6], out[11], out[12]);
        QUARTER(out[2], out[7], out[8], out[13]);
        QUARTER(out[3], out[4], out[9], out[14]);
    }
    for (int i = 0; i < 16; i++)
        out[i] += in[i];
}

// The key becomes a function of itself and 32 more bytes.
static void mix(const uint32_t word[8]) {
    uint32_t block[16];
    for (int i = 0; i < 8; i++)
        pool.key[i] ^= word[i];
    chacha_block(block, pool.key, ~0ull);
    memcpy(pool.key, block, sizeof pool.key);
}

// ---- sources

static bool cpu_says(uint32_t leaf, int reg, int bit) {
    uint32_t r[4] = {leaf, 0, 0, 0}, top = 0, b, c, d;
    __asm__ volatile("cpuid" : "+a"(top), "=b"(b), "=c"(c), "=d"(d));
    if (top < leaf) return false;
    __asm__ volatile("cpuid" : "+a"(r[0]), "=b"(r[1]), "+c"(r[2]), "=d"(r[3]));
    return r[reg] >> bit & 1;
}
static bool rdseed(uint64_t *v) {
    bool ok;
    __asm__ volatile("rdseed %0" : "=r"(*v), "=@ccc"(ok));
    return ok;
}
static bool rdrand(uint64_t *v) {
    bool ok;
    __asm__ volatile("rdrand %0" : "=r"(*v), "=@ccc"(ok));
    return ok;
}

static bool hardware_words(uint64_t *out, bool (*draw)(uint64_t *)) {
    for (int i = 0; i < HARDWARE_WORDS; i++) {
        int tries = 0;
        while (!draw(&out[i]))
            if (++tries == TRIES) return false;
    }
    // Some processors have answered all ones after sleep.
    return out[0] != out[1] || out[1] != out[2];
}

// Mixes in the counter's differences; returns how many were neither their predecessor nor one of the last few.
static int mix_timing(void) {
    static volatile uint8_t walk[8192];
    uint64_t before = __builtin_ia32_rdtsc(), recent[8] = {0};
    int news = 0;
    for (int i = 0; i < SAMPLES;) {
        uint32_t word[8];
        for (int k = 0; k < 8; k++, i++) {
            walk[(before * 64 + (unsigned)i * 8) % sizeof walk]++;
            uint64_t now = __builtin_ia32_rdtsc(), difference = (now - before) / ((now & 1) + 1);
            bool seen = false;
            for (int r = 0; r < 8; r++)
                seen |= recent[r] == difference;
            news += !seen;
            recent[i % 8] = difference;
            before = now;
            word[k] = (uint32_t)(now ^ difference << 16);
        }
        mix(word);
    }
    return news;
}

static void seed(void) {
    union { uint64_t word[HARDWARE_WORDS]; uint32_t half[2 * HARDWARE_WORDS]; } h;
    bool hardware = (cpu_says(7, 1, 18) && hardware_words(h.word, rdseed)) || (cpu_says(1, 2, 30) && hardware_words(h.word, rdrand));
    if (hardware) {
        mix(h.half);
        mix(h.half + 8);
    }
    int news = mix_timing();
    pool.refused = !hardware && news < VARIETY;
    pool.seeded = true;
}

// ---- output

typedef struct Fill { uint8_t *to; size_t n; bool ok; } Fill;

// One block: 32 bytes for the next key, 32 for the caller. System stack.
static void fill_piece(void *arg) {
    Fill *f = arg;
    uint32_t block[16];
    lock_acquire(&pool.lock);
    if (!pool.seeded) seed();
    f->ok = !pool.refused;
    chacha_block(block, pool.key, pool.counter++);
    memcpy(pool.key, block, sizeof pool.key);
    lock_release(&pool.lock);
    memcpy(f->to, block + 8, f->n);
    memset(block, 0, sizeof block);
    __asm__ volatile("" : : "r"(block) : "memory"); // so that it is not left out
}

bool go_random_fill(void *buf, size_t n) {
    for (size_t done = 0; done < n; done += 32) {
        Fill f = {(uint8_t *)buf + done, n - done < 32 ? n - done : 32, false};
        sys_call(fill_piece, &f);
        if (!f.ok) return false;
    }
    return true;
}
