// units: rt/x86_64/gogo.asm rt/x86_64/morestack.asm rt/stack.c rt/stackseg.c rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// flags: -mno-red-zone
// test_stack.c -- segmented stacks against a plain list: random calls with frames of all sizes, returns, parks, jumps back over many
// frames, requests that poison the guard, and the cap. After each step the segments, the kept ones, the byte count, the guard, the frame's
// place, its arguments and everybody's memory are what the model says.
//
// `walk` below is a function with a split-stack prologue whose frame has the size that it is told; between two steps it asks
// observe(), on the test's own stack, what to do next. So __morestack, stack_grow, stack_trim and stack_reset_to are the real ones.
#include "stub_plat.h"
#include "sched.h"

void gc_clear_segment(StackSeg *s) {} // only with gcverify

#define EXTRA    96u // see morestack.asm
#define ARGS_MAX 256u

Sched sched = {.max_stack = 3 << 20};
uint32_t rt_fpu_mode = FPU_FXSAVE, rt_fpu_bytes = 512;
uint64_t rt_fpu_mask = 3;
// ---- the function that runs on the goroutine's stack

typedef struct Step { uint64_t size, args; } Step; // frame of the next call, 0: return; bytes of its stack arguments
Step observe(uintptr_t sp, uintptr_t bp);
void walk_start(uintptr_t sp, uint64_t size);        // returns when the first walk has returned
_Noreturn void walk_resume(uintptr_t sp, uintptr_t bp); // in that frame, as after a recover
extern uintptr_t walk_test_sp;
__asm__(".text\n"
        "walk:\n" // rdi: frame size below the return address, 8 more than a multiple of 16; rsi: bytes of stack arguments
        "  movq %rdi, %r10\n"
        "  movq %rsi, %r11\n"
        "  movq %rsp, %rax\n"
        "  cmpq $256, %rdi\n" // as gcc: small frames are not subtracted
        "  jb 1f\n"
        "  subq %rdi, %rax\n"
        "1: cmpq %fs:0x70, %rax\n"
        "  jae 2f\n"
        "  call __morestack\n"
        "  ret\n"
        "2: pushq %rbp\n"
        "  movq %rsp, %rbp\n"
        "  leaq 8(%rsp), %rsp\n"
        "  subq %rdi, %rsp\n"
        "  movq %rbx, -8(%rbp)\n"
        "  movq %rsp, %rbx\n"
        "walk_next:\n"
        "  movq %rsp, %rdi\n"
        "  movq %rbp, %rsi\n"
        "  movq walk_test_sp(%rip), %rsp\n"
        "  call observe\n"
        "  movq %rbx, %rsp\n"
        "  testq %rax, %rax\n"
        "  jz 5f\n"
        "  xorl %ecx, %ecx\n" // arguments: word i is size ^ its offset
        "3: cmpq %rdx, %rcx\n"
        "  jae 4f\n"
        "  movq %rax, %r8\n"
        "  xorq %rcx, %r8\n"
        "  movq %r8, (%rsp,%rcx)\n"
        "  addq $8, %rcx\n"
        "  jmp 3b\n"
        "4: movq %rax, %rdi\n"
        "  movq %rdx, %rsi\n"
        "  call walk\n"
        "  jmp walk_next\n"
        "5: movq -8(%rbp), %rbx\n"
        "  leave\n"
        "  ret\n"
        "walk_resume:\n"
        "  movq %rsi, %rbp\n"
        "  movq %rdi, %rbx\n"
        "  movq %rdi, %rsp\n"
        "  jmp walk_next\n"
        "walk_start:\n"
        "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
        "  subq $8, %rsp\n"
        "  movq %rsp, walk_test_sp(%rip)\n"
        "  movq %rdi, %rsp\n"
        "  movq %rsi, %rdi\n"
        "  xorl %esi, %esi\n"
        "  call walk\n"
        "  movq walk_test_sp(%rip), %rsp\n"
        "  addq $8, %rsp\n"
        "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
        "  ret\n"
        ".data\n"
        "walk_test_sp: .quad 0\n"
        ".text\n");

static inline uintptr_t guard_get(void) {
    uintptr_t g;
    __asm__ volatile("movq %%fs:0x70, %0" : "=r"(g));
    return g;
}
static inline void guard_set(uintptr_t g) { __asm__ volatile("movq %0, %%fs:0x70" : : "r"(g) : "memory"); }

// ---- the model: segments in use, oldest first, and frames

enum { FRAMES = 4000, SEGMENTS = 400 };
static G g;
static struct {
    Ctx ctx;
    uint8_t fpu[512];
} spare __attribute__((aligned(64)));

static struct { size_t bytes; uintptr_t top; } segment[SEGMENTS]; // top: where its header lies
static int segments, kept; // in use; kept behind them
static size_t total; // of those in use

typedef struct Frame {
    uintptr_t sp, bp;
    uint64_t size, args;
    bool opened; // it is the first of its segment
    uint64_t mark;
} Frame;
static Frame frame[FRAMES];
static int frames;

// The call under way.
static struct {
    bool grows, overflows, new_segment, poisoned, request;
    uint64_t size, args;
    size_t bytes;
    uintptr_t entry; // rsp at the called function's first instruction
} call;
static bool calling, returning;
static int steps_left;
static int most_kept;
static unsigned long grown, reused, overflows, resets, answered, deepest;
static unsigned leaning; // of 16, how likely is a call

// ---- memory of a frame: words that only it may write

static void each_word(const Frame *f, bool check) {
    uintptr_t from = f->sp + ARGS_MAX, to = f->bp - 16;
    for (uintptr_t a = from; a + 8 <= to; a += a < from + 64 || a + 72 > to ? 8 : 504) {
        if (!check) *(uint64_t *)a = f->mark ^ a;
        else if (*(uint64_t *)a != (f->mark ^ a)) CHECK_EQ(*(uint64_t *)a, f->mark ^ a);
    }
}

// ---- compared after each step

static void compare(void) {
    const StackSeg *s = g.seg;
    size_t small = 0, large = 0, several = 0;
    for (int i = 0; i < kept; i++)
        s = s && s->newer ? s->newer : NULL;
    CHECK(s && !s->newer);
    for (int i = segments + kept; i-- > 0; s = s->older) {
        CHECK(s != NULL);
        if (!s) return;
        CHECK_EQ(s->bytes, segment[i].bytes);
        CHECK_EQ((uintptr_t)s, segment[i].top);
        CHECK_EQ(s->base + s->bytes, (uintptr_t)(s + 1));
        if (s->older) CHECK_PTR(s->older->newer, s);
        if (s->bytes <= STACK_SEG_MAX) small += s->bytes;
        else large++;
        if (i == segments - 1) CHECK_PTR(s, g.seg);
        if (i >= segments) several += s->bytes;
    }
    CHECK_PTR(s, NULL);
    CHECK(kept <= 1 || several < STACK_KEEP); // 4 to 64 KB
    CHECK_EQ(g.stack_bytes, total);
    CHECK_EQ(g.guard, g.seg->base + STACK_SLACK);
    CHECK_EQ(guard_get(), g.guard);
    SegStats stats = seg_stats();
    CHECK_EQ(stats.in_use_bytes, small);
    CHECK_EQ(stats.in_use[SEG_CLASSES], large);
}

// ---- steps

static void predict_call(uint64_t size, uint64_t args, bool poisoned) {
    uintptr_t entry = frame[frames - 1].sp - 8, guard = g.seg->base + STACK_SLACK;
    bool fits = (size < 256 && !poisoned ? entry : entry - size) >= guard;
    call.size = size;
    call.args = args;
    call.entry = entry;
    call.poisoned = poisoned;
    call.overflows = call.new_segment = false;
    if ((call.grows = !fits)) {
        size_t need = size + args + STACK_SLACK + EXTRA, bytes = segment[segments - 1].bytes * 2;
        if (bytes > STACK_SEG_MAX) bytes = STACK_SEG_MAX;
        while (bytes < need)
            bytes = bytes < STACK_SEG_MAX ? bytes * 2 : (need + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
        call.new_segment = !kept || segment[segments].bytes < need;
        call.bytes = call.new_segment ? bytes : segment[segments].bytes;
        call.overflows = call.new_segment && total + bytes > sched.max_stack;
    }
    calling = true;
}

// The called function's frame is there.
static void follow_call(uintptr_t sp, uintptr_t bp) {
    uintptr_t entry = call.entry;
    CHECK(!call.overflows);
    if (call.grows) {
        StackSeg *s = g.seg; // its address is the allocator's choice, all else is not
        if (call.new_segment) segment[segments].bytes = call.bytes;
        else CHECK_EQ((uintptr_t)s, segment[segments].top);
        segment[segments++].top = (uintptr_t)s;
        total += call.bytes;
        kept = call.new_segment ? 0 : kept - 1;
        entry = (((uintptr_t)s - call.args) & ~(uintptr_t)15) - 8;
        grown += call.new_segment;
        reused += !call.new_segment;
    }
    CHECK_EQ(bp, entry - 8);
    CHECK_EQ(sp, entry - call.size);
    CHECK(sp >= g.seg->base + STACK_SLACK - 256 - 8 && entry <= (uintptr_t)g.seg);
    CHECK_PTR(stack_find(&g, sp), g.seg);
    for (uint64_t i = 0; i < call.args; i += 8)
        CHECK_EQ(((uint64_t *)(bp + 16))[i / 8], call.size ^ i);
    Frame *f = &frame[frames++];
    *f = (Frame){sp, bp, call.size, call.args, call.grows, test_rand()};
    each_word(f, false);
    if ((unsigned long)frames > deepest) deepest = (unsigned long)frames;
}

static void drop_segment(void) {
    total -= segment[--segments].bytes;
    kept++;
    if (kept > 1 && segment[segments + 1].bytes >= STACK_KEEP) kept = 1;
    if (kept > most_kept) most_kept = kept;
}

static void follow_return(uintptr_t sp, uintptr_t bp) {
    if (frame[--frames].opened) drop_segment();
    CHECK_EQ(sp, frame[frames - 1].sp);
    CHECK_EQ(bp, frame[frames - 1].bp);
    each_word(&frame[frames - 1], true);
}

static void jump_back(void) {
    int to = (int)test_below((uint64_t)frames);
    while (frames > to + 1)
        if (frame[--frames].opened) drop_segment();
    stack_reset_to(&g, frame[to].sp);
    guard_set(g.guard);
    resets++;
    compare();
    each_word(&frame[to], true);
    walk_resume(frame[to].sp, frame[to].bp);
}

static uint64_t some_size(void) {
    uint64_t kind = test_below(32);
    uint64_t n = kind < 16 ? test_below(30) : kind < 26 ? test_below(300) : kind < 31 ? test_below(2000) : test_below(40000);
    return 16 * n + 40;
}

Step observe(uintptr_t sp, uintptr_t bp) {
    if (calling) follow_call(sp, bp);
    else if (returning) follow_return(sp, bp);
    calling = returning = false;
    CHECK_EQ(load_relaxed(&p_self()->request), 0);
    compare();
    if (--steps_left <= 0) leaning = 0;
    if (steps_left % 64 == 0 && leaning) leaning = 4 + (unsigned)test_below(9); // deeper for a while, then less deep
    if (test_below(8) == 0) { // parks
        stack_release_newer(&g);
        kept = 0;
        compare();
    }
    if (test_below(40) == 0 && leaning) jump_back();
    if ((test_below(16) >= leaning && (frames > 1 || !leaning)) || frames == FRAMES) {
        returning = true;
        each_word(&frame[frames - 1], true);
        return (Step){0, 0};
    }
    uint64_t size = some_size(), room = frame[frames - 1].size < ARGS_MAX + 48 ? 0 : ARGS_MAX, args = test_below(4) ? 0 : test_below(room / 16 + 1) * 16;
    bool poisoned = test_below(8) == 0;
    predict_call(size, args, poisoned);
    if (poisoned) {
        call.request = test_below(2);
        p_self()->spare = &spare.ctx;
        spare.ctx.next = NULL;
        p_self()->spare_count = 1;
        if (call.request) fetch_or(&p_self()->request, REQ_YIELD);
        guard_set(~(uintptr_t)0); // without a request: spurious
    }
    return (Step){size, args};
}

// ---- what __morestack reaches

void sched_preempted_call(Ctx *ctx);
void sched_preempted_call(Ctx *ctx) {
    CHECK(calling && call.request);
    exchange(&p_self()->request, 0);
    answered++;
    ctx_enter(ctx, &g);
}

_Noreturn void stack_overflow(G *of, size_t more) {
    CHECK(calling && call.overflows);
    CHECK_EQ(more, call.bytes);
    CHECK_EQ(of->stack_bytes, total);
    calling = false;
    kept = 0; // given back in vain
    overflows++;
    walk_resume(frame[frames - 1].sp, frame[frames - 1].bp);
}

void g_exit(void) { abort(); }
void catch_link(CatchFrame *f);
void catch_link(CatchFrame *f) { abort(); }

// ---- one goroutine's life

static void life(int steps, size_t cap) {
    sched.max_stack = cap;
    CHECK(stack_init(&g));
    segments = 1;
    segment[0].bytes = STACK_FIRST;
    segment[0].top = (uintptr_t)g.seg;
    total = STACK_FIRST;
    kept = 0;
    frames = 0;
    steps_left = steps;
    leaning = 8;
    calling = true;
    returning = false;
    uint64_t size = 296;
    uintptr_t top = (uintptr_t)g.seg & ~(uintptr_t)15;
    memset(&call, 0, sizeof call);
    call.size = size;
    call.entry = top - 8;
    guard_set(g.guard);
    walk_start(top, size);
    CHECK_EQ(frames, 1);
    CHECK(!frame[0].opened);
    stack_free(&g);
    CHECK_PTR(g.seg, NULL);
    CHECK_EQ(g.stack_bytes, 0);
    CHECK_EQ(seg_stats().in_use_bytes, 0);
    CHECK_EQ(seg_stats().in_use[SEG_CLASSES], 0);
}

static void test_lives(void) {
    for (int i = 0; i < 40; i++)
        life(2000, i % 2 ? 256 << 10 : 3 << 20);
    life(40000, 16 << 20);
    CHECK(grown > 500 && reused > 500 && overflows > 10 && resets > 100 && answered > 500 && deepest > 50);
    CHECK(most_kept >= 4);
}

int main(void) {
    // A core's system stack, in this one: or AddressSanitizer would not know where it is when a call there does not return.
    char sys_stack[256 << 10] __attribute__((aligned(64)));
    P *p = p_self();
    char *memory = stub_reserve(64 << 20);
    CHECK(rt_mem_add((uintptr_t)memory, (uintptr_t)memory + (64 << 20), 0));
    p->sys_lo = (uintptr_t)sys_stack;
    p->sys_sp = (uintptr_t)sys_stack + sizeof sys_stack;
    p->g = &g;
    g.mxcsr = 0x1f80;
    g.fcw = 0x37f;
    RUN(test_lives);
    printf("segments made %lu, taken again %lu, caps met %lu, jumps back %lu, requests answered %lu, frames at most %lu, kept at most %d\n", grown,
           reused, overflows, resets, answered, deepest, most_kept);
    return test_done();
}
