"""mutants.py -- the protections that `make mutants` removes (scripts/mutants), and the test that notices each.

A Mutant replaces `old` by `new` in `file`; `sign` is a regular expression for what the test says when it fails. A test that needs luck
to fail has no place here: simulated schedules are enumerated or seeded, the rest is certain or happens thousands of times a run.
"""
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Test:
    name: str        # as the table shows it
    build: tuple     # make's targets; without a command, making them is the test
    command: tuple   # run in the copy of the tree; fails by its status
    seconds: float   # not one of the test's guards: beyond this a mutant has survived


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str
    test: Test
    sign: str


@dataclass(frozen=True)
class Equivalent:
    """A protection whose absence no test can show here."""
    name: str
    file: str
    old: str
    new: str
    reason: str


# ---- kinds of tests

def go_host(name, cores, *words):
    """A hosted program of tests/go."""
    path = f"build/host/go-{name}"
    return Test(f"hosted tests/go/{name}.go on {cores}", (path,), ("env", f"BURROW_CPUS={cores}", f"BURROW_CMDLINE={' '.join(words)}", path), 60)


def unit(name):
    """A hosted unit test, under the address sanitizer unless it says otherwise."""
    return Test(f"unit {name}", (f"build/unit/{name}",), (f"build/unit/{name}",), 40)


def unit_tsan(name):
    """The same under the thread sanitizer (scripts/mutants.mk)."""
    path = f"build/mutants-tsan/{name}"
    return Test(f"unit {name}, thread sanitizer", (path,), (path,), 40)


def sim(case, cores=2, seeds=10000):
    """Random schedules of a simulated program. The simulator says itself when a run hangs or does not end."""
    options = (f"--cores={cores}", f"--seeds={seeds}", "--seed=1")
    return Test(f"sim {case} {' '.join(options)}", (f"build/sim/{case}",), (f"build/sim/{case}", *options), 40)


def search(case, cores=2, bound=2, limit=20000):
    """All its schedules with at most `bound` deviations from the default."""
    options = (f"--cores={cores}", f"--bound={bound}", f"--limit={limit}")
    return Test(f"sim {case} {' '.join(options)}", (f"build/sim/{case}",), (f"build/sim/{case}", *options), 40)


def _run(boot, image, program, smp, line, guard):
    command = ("scripts/run", "--boot", boot, "--accel", "tcg", "--smp", str(smp), "--timeout", str(guard), "--cmdline", line, image)
    return Test(f"{'hosted' if boot == 'host' else 'booted'} {program} on {smp}{' ' * bool(line)}{line}", (image,), command, guard + 10)


def hosted(program, smp=2, line="", guard=20):
    """A process of this system, given up after `guard` seconds as tests/test_hosted.py does."""
    return _run("host", f"build/host/{program}", program, smp, line, guard)


def booted(program, smp=2, line="", guard=20, qemu=""):
    """An image in QEMU (with further options of it), given up after `guard` seconds as tests/test_boot.py does."""
    test = _run("pvh", f"build/{program}.elf", program, smp, line, guard)
    return replace(test, name=f"{test.name}, {qemu}", command=("env", f"QEMU_ARGS={qemu}", *test.command)) if qemu else test


def prints(program, text):
    """A process of this system that must not print this; its status is no matter."""
    return Test(f"hosted {program} without {text!r}", (f"build/host/{program}",), ("sh", "-c", f"! build/host/{program} 2>&1 | grep '{text}'"), 30)


def traced(program, cores=2):
    """A process with the event trace on; the trace is judged."""
    image = f"build/host/{program}"
    return Test(f"trace of {program} on {cores}", (image,), ("tests/trace_once.py", image, str(cores)), 80)


def floods(cores=2, times=5):
    """A program that ends while the console is full, several times: each line must arrive whole."""
    image = "build/metal-t_flood.elf"
    shell = (f"for i in $(seq {times}); do n=$(scripts/run --boot pvh --accel tcg --smp {cores} --timeout 60 {image} | grep -acE '^line [0-9]+ +\\.$');"
             " [ $n = 3000 ] || { echo \"whole lines: $n of 3000\"; exit 1; }; done")
    return Test(f"booted metal-t_flood on {cores}, {times} times", (image,), ("bash", "-c", shell), 120)


def leaks(which="some"):
    """tests/metal/t_leak.c: six goroutines that nobody can wake ("some"), or none ("none"), and the report must say so."""
    image = "build/host/metal-t_leak"
    line, says = ("GODEBUG=leak=1 some", "leak: 6 goroutines wait") if which == "some" else ("GODEBUG=leak=1", "leak: no goroutine waits")
    shell = f"out=$(scripts/run --boot host --smp 1 --timeout 60 --cmdline '{line}' {image} 2>&1); echo \"$out\" >&2; [[ $out == *'{says}'* ]]"
    return Test(f"leaks of t_leak, {which}", (image,), ("bash", "-c", shell), 70)


def check(target):
    """A check of what was built: fails by itself."""
    return Test(f"make {target}", (target,), (), 0)


SIM_FAILED = r"^FAILED "
RACE = r"WARNING: ThreadSanitizer: data race"
TIMEOUT = r"^run: timeout after"
FAILED = r"^FAIL "
BROKE = r"^FAIL |^panic: |^fatal error: |crash report"
GUARD = r"expected guard"
UNIT_FAILED = r"^FAILED: "

MUTANTS = [
    Mutant("console-for-good", "kernel/log.c",
           "    if (!panic && cas(&owner, &free, self)) {\n        if (!load_seq(&panic_core)) return true;\n",
           "    if (cas(&owner, &free, self)) {\n        if (true) return true;\n",
           floods(), r"whole lines: "),
    # ---- parking and waking
    Mutant("idle-recheck", "rt/idle.c",
           "        if (something_to_do(p)) break;\n",
           "        if (turns > 0 && something_to_do(p)) break;\n",
           sim("spread"), SIM_FAILED),
    Mutant("idle-recheck-queues", "rt/idle.c",
           "    if (!p->reserved_by_g && sched_work_exists()) return true;\n",
           "    (void)sched_work_exists;\n",
           sim("spread"), SIM_FAILED),
    Mutant("idle-claim-once", "rt/idle.c",
           "    if (!(fetch_and(&sched.idle_mask[p->id / 64], ~bit) & bit)) return false;\n",
           "    fetch_and(&sched.idle_mask[p->id / 64], ~bit);\n",
           sim("world_stop", cores=3), SIM_FAILED),
    Mutant("ready-wakes", "rt/sched.c",
           "    if (unlikely(load_relaxed(&sched.idle_count) != 0 || !p->slice_armed)) ready_heard(p, NULL);",
           "    if (unlikely(!p->slice_armed)) sched_slice_begin(p);",
           sim("spread"), SIM_FAILED),
    Mutant("interrupted-slice", "rt/sched.c",
           "        p->interrupted = p->tick_seen == p_turn(p) ? g : NULL;\n",
           "",
           hosted("metal-t_highfair", smp=1, guard=60), FAILED),
    Mutant("on-cpu-wait", "rt/sched.c",
           "    for (unsigned turns = 0; load_acquire(&g->on_cpu); turns++)\n        plat_spin(turns);\n",
           "",
           sim("steal"), SIM_FAILED),
    Mutant("context-switch", "rt/switch.h",
           "return g->ctx != NULL || load_acquire(&g->on_cpu);",
           "return load_acquire(&g->on_cpu);",
           sim("preempt"), SIM_FAILED),
    Mutant("on-cpu-wait-execute", "rt/sched.c",
           "    if (unlikely(load_acquire(&g->on_cpu))) wait_off_cpu(g); // it yields on another core, see g_yield\n",
           "",
           sim("steal"), SIM_FAILED),
    Mutant("waiting-before-unlock", "rt/sched.c",
           "    store_relaxed(&g->state, G_WAITING); // published by the unlock's release\n    if (unlock) lock_release(unlock);\n",
           "    if (unlock) lock_release(unlock);\n    store_relaxed(&g->state, G_WAITING);\n",
           sim("chan_pair"), SIM_FAILED),
    Mutant("semaphore-recheck", "rt/sema.c",
           "    if (sema_try_acquire(count)) {\n        fetch_add",
           "    if (0) {\n        fetch_add",
           sim("semaphore"), SIM_FAILED),
    Mutant("cond-ticket", "rt/cond.c",
           "    if ((int32_t)(w.ticket - load(&c->notify)) < 0) {",
           "    if (0) {",
           search("cond"), SIM_FAILED),
    Mutant("wake-before-hlt", "kernel/plat.c",
           "    if (!load_seq(&p->wake)) cpu_sti_hlt();",
           "    cpu_sti_hlt();",
           booted("metal-t_wake"), FAILED),

    # ---- queues, stopping
    Mutant("steal-cas", "rt/runq.c",
           "        if (!cas(&v->head, &head, head + n)) continue;\n",
           "        store_release(&v->head, head + n);\n",
           sim("steal"), SIM_FAILED),
    Mutant("take-cas", "rt/runq.h",
           "        if (likely(cas(&q->head, &head, head + 1))) return g;",
           "        store_release(&q->head, head + 1);\n        return g;",
           sim("steal"), SIM_FAILED),
    Mutant("spill-cas", "rt/runq.c",
           "    if (load_relaxed(&q->tail) - head < n || !cas(&q->head, &head, head + n)) return;\n",
           "    if (load_relaxed(&q->tail) - head < n) return;\n    store_release(&q->head, head + n);\n",
           sim("spill"), SIM_FAILED),
    Mutant("steal-last-place", "rt/runq.c",
           "        if (n > 1) store_release(&q->tail, mine + n - 1);\n",
           "        if (n > 1) store_release(&q->tail, mine + n);\n",
           unit("test_runq"), "expected"),
    Mutant("shared-slice", "rt/runq.h",
           "    hint_store(&p->inherited, p->inherited + shares);\n",
           "",
           sim("fair", cores=1, seeds=500), SIM_FAILED),
    Mutant("slice-spent", "rt/preempt.c",
           "    hint_store(&p->slice_spent, true); // also when the request comes to nothing: the goroutine parks\n",
           "",
           sim("fair_sleep", cores=1, seeds=500), SIM_FAILED),
    Mutant("search-handed-on", "rt/sched.c",
           "    if (before == 1) sched_wake_one();\n",
           "",
           sim("handover", cores=3, seeds=500), SIM_FAILED),
    Mutant("global-turn", "rt/queues.c",
           "    if (--p->until_global <= 0) { // counted here too",
           "    if (0) { // counted here too",
           booted("metal-t_fair"), TIMEOUT),
    Mutant("stop-request", "rt/stop.c",
           "        fetch_or(&p->request, REQ_STOP);\n",
           "",
           sim("stop_spinner"), SIM_FAILED),
    Mutant("stop-counts", "rt/stop.c",
           "    if (!wanted || p->id >= load_seq(&stop_procs)) {\n",
           "    if (!wanted) {\n",
           sim("procs"), SIM_FAILED),

    # ---- locks
    Mutant("chan-lock", "rt/chan.c",
           "    lock_acquire(&c->lock);\n    if (load_relaxed(&c->closed)) {\n",
           "    (void)lock_try(&c->lock);\n    if (load_relaxed(&c->closed)) {\n",
           sim("chan_close"), SIM_FAILED),
    Mutant("timer-lock-recheck", "rt/timer.c",
           "        bool here = load_relaxed(&t->p) == p;\n",
           "        bool here = true;\n",
           sim("timer"), SIM_FAILED),
    Mutant("page-lock", "rt/page.c",
           "    size_t i = 0;\n    lock_acquire(h->lock);\n    while (i < n && !why)\n        why = free_locked(h, pages[i++], 1);\n    lock_release(h->lock);\n",
           "    size_t i = 0;\n    while (i < n && !why)\n        why = free_locked(h, pages[i++], 1);\n",
           unit_tsan("test_mem_threads"), RACE),
    Mutant("record-lock", "rt/fixed.c",
           "    mark(rec);\n    lock_acquire(&pool->lock);\n    *(void **)rec = pool->free;\n    pool->free = rec;\n    pool->in_use--;\n    lock_release(&pool->lock);\n",
           "    mark(rec);\n    *(void **)rec = pool->free;\n    pool->free = rec;\n    pool->in_use--;\n",
           unit_tsan("test_mem_threads"), RACE),
    Mutant("segment-lock", "rt/stackseg.c",
           "    lock_acquire(&pool_lock);\n    for (; i < n && !error; i++) {\n        void *page = pool_put_locked(half[i], &error);\n        if (page) whole[pages++] = page;\n    }\n    lock_release(&pool_lock);\n",
           "    for (; i < n && !error; i++) {\n        void *page = pool_put_locked(half[i], &error);\n        if (page) whole[pages++] = page;\n    }\n",
           unit_tsan("test_mem_threads"), RACE),

    # ---- channels, select
    Mutant("waiter-tail", "rt/chan.h",
           "    if (w->next)\n        w->next->prev = w->prev;\n    else\n        q->tail = w->prev;\n",
           "    if (w->next) w->next->prev = w->prev;\n",
           unit("test_select"), "expected|AddressSanitizer"),
    Mutant("buffer-lets-go", "rt/chan.c",
           "    elem_zero_words(src, bytes);\n",
           "",
           unit("test_chan"), "expected"),
    Mutant("select-fair", "rt/select.c",
           "    if (s->n_ready > 1) j = (unsigned)((rand_next(p_self()) >> 32) * s->n_ready >> 32);\n",
           "",
           unit("test_select"), "expected chi"),
    Mutant("select-claim", "rt/chan.h",
           "        if (cas(&w->g->select_done, &open, 1)) return w;",
           "        (void)open;\n        return w;",
           search("select_race"), SIM_FAILED),
    Mutant("select-losers", "rt/select.c",
           "        if (w->queued) waitq_remove(",
           "        if (0) waitq_remove(",
           sim("select_close"), SIM_FAILED),
    Mutant("select-lock-order", "rt/select.c",
           "    order_locks(s);\n    lock_all(s);",
           "    (void)order_locks;\n    for (unsigned k = 0, n = s->n; k < n; k++)\n        (void)k;\n    lock_all(s);",
           search("select_order", bound=1), SIM_FAILED),
    Mutant("closed-gives-zero", "rt/chan.c",
           "        if (t == TAKE_CLOSED && elem) elem_zero(c, elem);\n",
           "",
           hosted("metal-t_chan"), "does not hold"),

    # ---- preemption
    Mutant("guard-reread", "rt/x86_64/gogo.asm",
           "    cmp dword [gs:P_REQUEST], 0\n    je %%clean\n    mov qword [fs:0x70], -1\n",
           "",
           unit("test_guard"), GUARD),
    Mutant("guard-reread-order", "rt/x86_64/gogo.asm",
           "    mov [fs:0x70], %1\n    cmp dword [gs:P_REQUEST], 0\n",
           "    cmp dword [gs:P_REQUEST], 0\n    mov [fs:0x70], %1\n",
           unit("test_guard"), GUARD),
    Mutant("morestack-reread", "rt/x86_64/morestack.asm",
           "    cmp dword [gs:P_REQUEST], 0 ; the reread that a guard writer owes\n    jne .repoison\n",
           "",
           unit("test_guard"), GUARD),
    Mutant("morestack-reread-back", "rt/x86_64/morestack.asm",
           "    jne .repoison_return\n",
           "",
           unit("test_guard"), GUARD),
    Mutant("door-check", "rt/core.h",
           "        if (unlikely(load_relaxed(&p_self()->request) != 0)) rt_door_slow();",
           "        if (0) rt_door_slow();",
           sim("door", seeds=500), SIM_FAILED),
    Mutant("retry", "rt/preempt.c",
           "        plat_guard_set(~(uintptr_t)0);\n        arm_by(p, plat_now_ns() + RETRY_NS);\n",
           "        plat_guard_set(~(uintptr_t)0);\n",
           sim("retry", seeds=1000), SIM_FAILED),
    Mutant("arm-repeat", "rt/preempt.c",
           "    if (likely(p->irq_arms == seen)) return;\n",
           "    (void)seen;\n    if (p) return;\n",
           sim("arm", cores=1, seeds=20000), SIM_FAILED),
    Mutant("arm-retry", "rt/preempt.c",
           "    if (unlikely(request)) {\n        int64_t retry",
           "    if (0) {\n        int64_t retry",
           sim("arm", cores=1, seeds=20000), SIM_FAILED),
    Mutant("tickless-recheck", "rt/preempt.c",
           "        if (!sched_others_wait(p)) return;\n        hint_store(&p->slice_armed, true);\n",
           "        return;\n",
           sim("tickless_race", cores=2, seeds=20000), SIM_FAILED),
    Mutant("only-application-text", "rt/preempt.c",
           "    if (!g || !in_app_text(tf->rip) || g->unpreemptible) return false;",
           "    if (!g || (0 && !in_app_text(tf->rip)) || g->unpreemptible) return false;",
           sim("preempt", seeds=1000), SIM_FAILED),
    Mutant("tickless-core-poked", "rt/queues.c",
           "    if (sched.nproc > 1 && load_seq(&sched.idle_count) == 0) poke_tickless(p_self());\n",
           "    (void)poke_tickless;\n",
           sim("tickless"), SIM_FAILED),
    Mutant("tickless-core-armed", "rt/preempt.c",
           "    if (p->g && !p->slice_armed && sched_others_wait(p)) {",
           "    if (0) {",
           sim("tickless"), SIM_FAILED),
    Mutant("spare-refill", "rt/sched.c",
           "        if (unlikely(p->spare_count < 2)) preempt_refill(p);\n",
           "",
           sim("spares", cores=1, seeds=500), SIM_FAILED),
    Mutant("vector-state", "rt/preempt.c",
           "    plat_fpu_capture(c->fpu);\n",
           "",
           booted("metal-t_fpu", line="6000"), FAILED),
    Mutant("fpu-clean", "rt/preempt.c",
           "    fpu_clean();\n",
           "",
           hosted("metal-t_x87"), FAILED),
    Mutant("mxcsr", "rt/x86_64/gogo.asm",
           "    jne .mxcsr\n",
           "",
           booted("metal-t_fpu", line="6000"), FAILED),
    Mutant("fcw", "rt/x86_64/gogo.asm",
           "    jne .fcw\n",
           "",
           booted("metal-t_fpu", line="6000"), FAILED),

    # ---- panics in programs of C and Go
    Mutant("mixed-order", "rt/go/panic.h",
           "return g->defers && g->defers->go == g->go_defers;",
           "return g->defers;",
           hosted("go-mixed", smp=1), BROKE),
    Mutant("mixed-passed", "rt/go/mixed.c",
           "            q->aborted = true;\n",
           "",
           prints("go-mixed_end", "panic: one"), r"panic: one"),

    # ---- stacks, panics
    Mutant("recover-reset", "rt/panic.c",
           "    stack_reset_to(g, f->regs[6]);\n",
           "",
           hosted("metal-t_panic20"), FAILED),
    Mutant("recover-guard", "rt/stack.c",
           "    g->seg = s;\n    g->guard = s->base + STACK_SLACK;\n    stack_release_newer(g);\n",
           "    g->seg = s;\n    stack_release_newer(g);\n",
           hosted("metal-t_panic20"), FAILED),
    Mutant("reset-bytes", "rt/stack.c",
           "        g->stack_bytes -= newer->bytes;\n",
           "        (void)newer;\n",
           unit("test_stack"), "expected total"),
    Mutant("few-segments-kept", "rt/x86_64/morestack.asm",
           "    cmp qword [rdi + SEG_BYTES], STACK_KEEP\n    jae .trim\n",
           "",
           unit("test_stack"), "expected"),
    Mutant("segment-list-bound", "rt/stackseg.h",
           "    if (unlikely(n >= load_relaxed(&c->limit[class]))) return false;\n",
           "",
           unit("test_stackseg"), "expected"),
    Mutant("segment-lists-asked", "rt/stackseg.c",
           "        for (unsigned class = 1; class < SEG_CLASSES; class++)\n            store_relaxed(&other->limit[class], 0);\n",
           "",
           unit("test_stackseg"), "expected"),
    Mutant("kept-fits", "rt/x86_64/morestack.asm",
           "    cmp [rsi + SEG_BYTES], rcx\n    jb .slow\n",
           "",
           unit("test_stack"), "expected|Segmentation|AddressSanitizer"),
    Mutant("stack-arguments", "rt/x86_64/morestack.asm",
           "    rep movsq\n",
           "",
           hosted("metal-t_deep"), FAILED),
    Mutant("stack-arguments-all", "rt/x86_64/morestack.asm",
           "    lea rcx, [r11 + 7]\n    shr rcx, 3\n",
           "    lea rcx, [r11]\n    shr rcx, 4\n",
           unit("test_stack"), "expected"),
    Mutant("red-zone", "rt/panic.c",
           "    sp = ((sp - 128) & ~(uintptr_t)15) - 24;\n",
           "    sp = (sp & ~(uintptr_t)15) - 24;\n",
           hosted("metal-t_redzone"), FAILED),
    # ---- memory
    Mutant("page-double-free", "rt/page_tree.c",
           "    if (!bits_all_clear(z->free, i, n)) return false;\n",
           "    (void)bits_all_clear;\n",
           unit("test_page"), "expected"),
    Mutant("segment-double-free", "rt/stackseg.c",
           "    if (bits & mine) {",
           "    if (0) {",
           unit("test_stackseg"), "expected an error"),
    Mutant("near-first", "rt/page.c",
           "return near == 0 ? turn == 0 : (PAGE_NEAR(z->node) == near) == (turn == 0);", "return turn == 0;",
           unit("test_page"), "expected"),
    Mutant("far-page-kept", "rt/page.c",
           "    if (unlikely(h->nodes > 1) && is_far(h, c, page)) {", "    (void)is_far;\n    if (0) {",
           unit("test_page"), "expected"),
    Mutant("spurious-in-service", "kernel/irq.c",
           "        if (apic_in_service(VEC_SPURIOUS)) apic_eoi();", "",
           booted("metal-t_storm", smp=4), "^FAIL|does not hold|^run: timeout after"),
    Mutant("counter-turns", "kernel/x86/counter.c",
           "cas(&seen, &old, now);", "(void)old;",
           booted("metal-t_machine", smp=2, line="TESTTSC=1 5 4 6000", qemu="-machine hpet=off"), "is .*, expected|does not hold|^run: timeout after"),
    Mutant("tlb-flush", "kernel/mem/vmap.c",
           "    cpu_write_cr3(cpu_read_cr3());           // no global pages, no PCID: drops everything\n",
           "",
           booted("metal-t_vmap"), BROKE),
    Mutant("data-not-executable", "kernel/mem/paging.c",
           "#define LEAF_RW (PTE_LEAF_RX | PTE_W | pte_nx)\n",
           "#define LEAF_RW (PTE_LEAF_RX | PTE_W)\n",
           booted("metal-t_wx"), FAILED),

    # ---- the collector
    Mutant("barrier", "rt/barrier.c",
           "    p->gc.shaded[p->gc.n_shaded++] = old;\n",
           "",
           sim("gc_barrier", cores=3), SIM_FAILED),
    Mutant("barrier-cell", "rt/cell.c",
           "    if (unlikely(load_relaxed(&gc.barrier) != 0)) return shade_and_store(slot, v, *(void *volatile *)slot);\n",
           "    if (0) return shade_and_store(slot, v, *(void *volatile *)slot);\n",
           sim("gc_barrier", cores=3), SIM_FAILED),
    Mutant("barrier-second-word", "rt/cell.c",
           "    gc_shade_slow(slot[1]);\n",
           "",
           unit("test_slice"), UNIT_FAILED),
    # taken off between the test of the flag and the store
    Mutant("barrier-window", "rt/cell.c",
           "    *(void *volatile *)slot = v;\n    if (door_wanted()) rt_door_slow();\n",
           "    if (door_wanted()) rt_door_slow();\n    *(void *volatile *)slot = v;\n",
           sim("gc_window", cores=2), SIM_FAILED),
    Mutant("barrier-shades-only", "rt/cell.c",
           "    gc_shade_slow((uintptr_t)old);\n    *(void **)slot = v;\n",
           "    gc_shade_slow((uintptr_t)old);\n    (void)v;\n    (void)slot;\n",
           sim("gc_barrier", cores=3), SIM_FAILED),
    Mutant("barrier-copy", "rt/cell.c",
           "        gc_shade_words(d + at, k);\n",
           "",
           sim("gc_copy", cores=3), SIM_FAILED),
    Mutant("barrier-clear", "rt/cell.c",
           "        gc_shade_words(d, k);\n",
           "",
           sim("gc_copy", cores=3), SIM_FAILED),
    Mutant("barrier-atomic", "rt/atomicptr.c",
           "    gc_shade(__atomic_exchange_n((void **)&a->v_, v, __ATOMIC_SEQ_CST));",
           "    (void)(__atomic_exchange_n((void **)&a->v_, v, __ATOMIC_SEQ_CST));",
           sim("gc_copy", cores=3), SIM_FAILED),
    Mutant("barrier-chan-buffer", "rt/chan.c",
           "    if (c->elem->ptrdata != 0) gc_shade_words_slow(at, c->elem->ptrdata);\n",
           "",
           sim("gc_buffer", cores=3), SIM_FAILED),
    Mutant("barrier-timer", "rt/timer.c",
           "    gc_shade(h->v[i]);\n",
           "",
           sim("gc_timer", cores=3), SIM_FAILED),
    Mutant("root-variables", "rt/root.c",
           "    scan_words(&p->gc, __start_app_bss, __stop_app_bss);\n",
           "",
           sim("gc_new", cores=3), SIM_FAILED),
    Mutant("root-initialized-variables", "rt/root.c",
           "    scan_words(&p->gc, __start_app_data, __stop_app_data);\n",
           "",
           hosted("metal-t_gc_words"), FAILED),
    Mutant("root-timers", "rt/root.c",
           "            mark_exact(&p->gc, (uintptr_t)owner->timers.v[i]);\n",
           "            (void)0;\n",
           sim("gc_timer", cores=3), SIM_FAILED),
    Mutant("root-registered-variables", "rt/root.c",
           "            mark_exact(l, heap_word((const uintptr_t *)w));\n",
           "            (void)w;\n",
           unit("test_mark"), "lost an object"),
    Mutant("root-stacks", "rt/root.c",
           "        scan_words(l, (const void *)at, (const void *)(at + now));\n",
           "",
           sim("gc_scan", cores=3), SIM_FAILED),
    Mutant("root-older-segments", "rt/root.c",
           "        s = s->older;\n        if (!s) return true;\n        at = s->live;\n",
           "        return true;\n",
           hosted("metal-t_gc_stacks", line="GODEBUG=gcverify=1 100 2000"), "the collector lost an object"),
    Mutant("root-segment-in-use", "rt/x86_64/morestack.asm",
           "    mov [rdi + SEG_LIVE], rbp   ; for who reads the stack: what lies below our frame is dead until the body has returned\n",
           "    mov [rdi + SEG_LIVE], rdi\n",
           hosted("metal-t_gc_stacks", line="100 2000"), BROKE),
    Mutant("root-finalizers", "rt/root.c",
           "    special_mark_begin();\n",
           "",
           sim("gc_final", cores=3, seeds=2000), SIM_FAILED),
    Mutant("final-object-scanned", "rt/finalizer.c",
           "        else gc_scan_object(p, some[i].obj);\n",
           "        else (void)0;\n",
           unit("test_final"), UNIT_FAILED),
    Mutant("final-argument", "rt/finalizer.c",
           "        gc_mark_word(p, (uintptr_t)some[i].arg);\n",
           "",
           sim("gc_final", cores=3, seeds=2000), SIM_FAILED),
    Mutant("final-queued", "rt/finalizer.c",
           "        some[n].queued = !sp->span;\n",
           "        some[n].queued = false;\n",
           sim("gc_final", cores=3, seeds=2000), SIM_FAILED),
    Mutant("final-taken", "rt/finalizer.c",
           "        gc_shade((void *)sp->obj); // it leaves the roots, for a stack that may have been scanned\n        gc_shade(sp->arg);\n",
           "",
           unit("test_final"), UNIT_FAILED),
    Mutant("final-removed", "rt/finalizer.c",
           "        if (!fn) gc_shade(a.arg);\n",
           "",
           unit("test_final"), UNIT_FAILED),
    Mutant("final-cursor", "rt/finalizer.c",
           "    if (cursor == sp) hint_store(&cursor, sp->all_next);\n",
           "",
           unit("test_final"), BROKE + "|" + UNIT_FAILED + "|heap-use-after-free|SEGV"),
    Mutant("gc-turns", "rt/gcctl.c", "    ctl.excluded = g != NULL;", "    ctl.excluded = false;",
           sim("gc_turns", cores=2, seeds=2000), SIM_FAILED),
    Mutant("final-kept", "rt/finalizer.c",
           "        if (span_mark(s, slot)) {\n",
           "        if (!span_bit(s->mark, slot)) {\n",
           sim("gc_final", cores=3, seeds=2000), SIM_FAILED),
    Mutant("root-registers", "rt/root.c",
           "        if (g->ctx) scan_words(l, g->ctx, g->ctx->fpu + rt_fpu_bytes);\n",
           "",
           hosted("metal-t_gc_regs"), FAILED),
    Mutant("root-vector-registers", "rt/root.c",
           "        if (g->ctx) scan_words(l, g->ctx, g->ctx->fpu + rt_fpu_bytes);\n",
           "        if (g->ctx) scan_words(l, g->ctx, g->ctx->fpu);\n",
           hosted("metal-t_gc_regs"), FAILED),
    Mutant("root-red-zone", "rt/root.c",
           "    uintptr_t sp = g->ctx ? g->ctx->tf.rsp - 128 : g->sp;\n",
           "    uintptr_t sp = g->ctx ? g->ctx->tf.rsp : g->sp;\n",
           hosted("metal-t_gc_regs"), FAILED),
    Mutant("root-one-past", "rt/scan.c",
           "                mark_slot(l, s, slot - 1);\n",
           "",
           hosted("metal-t_gc_words"), FAILED),
    Mutant("root-one-past-last", "rt/scan.c",
           "            if (off == s->slots * s->slot_bytes) mark_slot(l, s, s->slots - 1);\n",
           "",
           hosted("metal-t_gc_words"), FAILED),
    Mutant("type-prefix", "rt/api/mem.h",
           "[offsetof(T, TYPE_WHOLE_(f)) + sizeof(((T *)0)->TYPE_WHOLE_(f))];",
           "[offsetof(T, TYPE_WHOLE_(f)) + 8];",
           unit("test_alloc"), "expected"),
    Mutant("scan-before-run", "rt/sched.c",
           "    if (unlikely(load_acquire(&gc.stacks_pending))) gc_scan_before_run(p, g);",
           "   ",
           sim("gc_handoff", cores=3), SIM_FAILED),
    Mutant("scan-detour", "rt/gc.c",
           "    sched_set_detour(true);\n",
           "",
           sim("gc_scan", cores=3), SIM_FAILED),
    Mutant("scan-deep-stacks", "rt/root.c",
           "    store_release(&g->gc_scan, all ? scan_done() : scan_part_left());\n    if (all) close_one();\n    else list_push(g);\n    return all;\n",
           "    store_release(&g->gc_scan, scan_done());\n    if (all || !all) close_one();\n    else list_push(g);\n    return true;\n",
           hosted("metal-t_gc_stacks", line="1000 20000"), BROKE),
    Mutant("new-objects-black", "rt/central.c",
           "    if (marking()) premark(s);\n",
           "",
           sim("gc_new", cores=3), SIM_FAILED),
    Mutant("new-objects-black-cached", "rt/central.c",
           "            premark(s);\n        }\n    c->allocs_at_mark",
           "        }\n    c->allocs_at_mark",
           sim("gc_new", cores=3), SIM_FAILED),
    Mutant("free-slots-no-objects", "rt/scan.c",
           "if (unlikely(!span_bit(s->alloc, slot)) && slot >= load_acquire(&s->free_index)) return false;",
           "",
           hosted("metal-t_gc_words"), BROKE),
    Mutant("stop-2-flush", "rt/mark.c",
           "        gc_barrier_flush(rt_ps[i]);\n        gc_work_flush(rt_ps[i]);\n",
           "        gc_work_flush(rt_ps[i]);\n",
           unit("test_mark"), UNIT_FAILED),
    Mutant("stop-2-flush-needed", "rt/mark.c", # all cores have looked at their barriers shortly before
           "        gc_barrier_flush(rt_ps[i]);\n        gc_work_flush(rt_ps[i]);\n",
           "        gc_work_flush(rt_ps[i]);\n",
           sim("gc_flush", cores=3, seeds=2000), SIM_FAILED),
    Mutant("allocation-ahead", "rt/assist.c",
           "    return load_relaxed(&heap.live_bytes) > most + most / 8 + AHEAD &&",
           "    return false && load_relaxed(&heap.live_bytes) > most + most / 8 + AHEAD &&",
           sim("turns/gc_ahead", cores=3, seeds=500), SIM_FAILED),
    Mutant("worker-share", "rt/gcwork.c",
           "    p->gc.next_turn = due > least ? due : least;\n",
           "    p->gc.next_turn = least + 0 * due;\n",
           sim("turns/gc_share", cores=1, seeds=1), SIM_FAILED),
    Mutant("stop-allocates", "rt/gc.c",
           "    gc_mark_begin();\n",
           "    page_free(page_alloc(1), 1);\n    gc_mark_begin();\n",
           hosted("metal-t_gc_words"), r"^fatal error: memory was allocated while the collector had stopped the world"),
    Mutant("stop-2-work", "rt/mark.c",
           "        gc_barrier_flush(rt_ps[i]);\n        gc_work_flush(rt_ps[i]);\n",
           "        gc_barrier_flush(rt_ps[i]);\n",
           sim("gc_end", cores=3), SIM_FAILED),
    Mutant("overflow-rescan", "rt/mark.c",
           "        heap_for_each_span(rescan_span, self);\n",
           "        (void)rescan_span;\n",
           unit("test_mark"), "lost an object"),
    Mutant("drain-roots-only", "rt/mark.c",
           "            if (done >= limit) break; // by roots alone\n            check = limit - done > CHECK_BYTES ? done + CHECK_BYTES : limit;\n",
           "            check = limit - done > CHECK_BYTES && done < limit ? done + CHECK_BYTES : limit;\n",
           unit("test_mark"), "expected|does not hold"),
    Mutant("sweep-before-cycle", "rt/gc.c",
           "    finish_sweep();\n    if (gc.cycle)",
           "    if (0) finish_sweep();\n    if (gc.cycle)",
           sim("gc_sweep", cores=3, seeds=2000), SIM_FAILED),
    Mutant("sweep-last-span", "rt/sweep.c",
           "    fetch_add(&heap.pages_unswept, -(uint64_t)s->pages); // last: pairs with heap_sweep_done\n",
           "",
           sim("gc_sweep", cores=3, seeds=2000), SIM_FAILED),
    Mutant("span-freed-early", "rt/central.c",
           "    if (left == s->slots)\n        span_free(s);",
           "    if (left + 1 >= s->slots)\n        span_free(s);",
           hosted("metal-t_gc_words"), BROKE),
    Mutant("cache-not-flushed", "rt/gc.c",
           "    if (load_relaxed(&gc.phase) != GC_MARK) {\n        heap_cache_flush(p);\n",
           "    if (load_relaxed(&gc.phase) != GC_MARK) {\n",
           sim("gc_sweep", cores=3, seeds=2000), SIM_FAILED),

    # ---- rules that the build checks
    Mutant("general-registers", "kernel/irq.c",
           "void irq_dispatch(TrapFrame *tf) {\n    Cpu",
           "void irq_dispatch(TrapFrame *tf) {\n    __asm__ volatile(\"xorps %xmm7, %xmm7\");\n    Cpu",
           check("check-regs"), "check_regs: .*irq_dispatch.*xmm7"),
    Mutant("door-stack", "rt/once.c",
           "    mutex_lock(&o->mutex);\n",
           "    char room[512];\n    __asm__ volatile(\"\" : : \"r\"(room) : \"memory\");\n    mutex_lock(&o->mutex);\n",
           check("check-stack"), "check_stack: once_do_slow needs"),
    Mutant("layers", "rt/once.c",
           "#include \"core.h\"\n",
           "#include \"core.h\"\n#include \"kernel/kernel.h\"\n",
           check("check-layers"), "rt/once.c"),

    # ---- maps
    Mutant("map-overwrite", "rt/map.c",
           "    if (t->elem->ptrdata) gc_shade_words(elem, t->elem_bytes);\n    words_copy(elem, value, t->elem_bytes);\n",
           "    words_copy(elem, value, t->elem_bytes);\n",
           unit("test_map"), UNIT_FAILED),
    Mutant("map-key-update", "rt/map.c",
           "slot_store(&k->p, ((const String *)key)->p);", "k->p = ((const String *)key)->p;",
           unit("test_map"), UNIT_FAILED),
    Mutant("map-delete", "rt/map.c",
           "t->elem_bytes, t->elem->ptrdata || (t->flags & MAP_ELEM_APART));", "t->elem_bytes, false);",
           unit("test_map"), UNIT_FAILED),
    Mutant("map-clear", "rt/map.c",
           "if (t->bucket->ptrdata) cells_clear(", "if (0) cells_clear(",
           unit("test_map"), UNIT_FAILED),
    Mutant("map-evacuated-entries", "rt/map_grow.c",
           "t->bucket_bytes - BUCKET_DATA, true);", "t->bucket_bytes - BUCKET_DATA, false);",
           unit("test_map"), UNIT_FAILED),
    Mutant("map-old-array", "rt/map_grow.c",
           "    slot_store(&h->old_buckets, NULL);\n", "    h->old_buckets = NULL;\n",
           unit("test_map"), UNIT_FAILED),
    Mutant("map-overflow-kept", "rt/map_grow.c",
           "    if (t->bucket->ptrdata == 0) overflow_keep(h, b);\n", "    (void)overflow_keep;\n",
           unit("test_map"), UNIT_FAILED),
    Mutant("map-iteration-once", "rt/map_iter.c",
           "    if (goes_elsewhere(it, t, h, k, self_equal, top)) return false;\n", "    (void)goes_elsewhere;\n",
           unit("test_map"), UNIT_FAILED),
    Mutant("map-iteration-deleted", "rt/map_iter.c",
           "    if (top >= TOP_MIN || !self_equal) {", "    if (1) {",
           unit("test_map"), UNIT_FAILED),
    Mutant("go-barrier", "rt/go/alloc.c", "    gc_shade(*dst);\n", "", go_host("shadow", 1, "GOGC=20", "GODEBUG=gcverify=1", "--", "1", "3000", "6"),
           "an object was not marked that can be reached"),
    Mutant("go-barrier-variables", "rt/go/alloc.c", "    gc_shade(*dst);\n", "    if (span_of((uintptr_t)dst)) gc_shade(*dst);\n",
           go_host("shadow", 1, "GOGC=20", "GODEBUG=gcverify=1", "--", "1", "3000", "6"),
           "an object was not marked that can be reached|lost object|expected"),
    Mutant("go-defers", "rt/root.c", "        mark_conservative(l, (uintptr_t)g->go_defers);", "", go_host("defers", 1, "GODEBUG=gcverify=1"),
           "an object was not marked that can be reached|bad memory access"),
    Mutant("go-large-frames", "scripts/go_cc", "UNCHECKED_MAX = 200", "UNCHECKED_MAX = 1 << 30", go_host("recovers", 2), "panic: 3|fatal error|depth"),
    Mutant("map-update-shows", "rt/map_fast.c",
           "    map_writing_set(m);\n    FIND(8, *(const uint64_t *)k == key, LEAVE_WRITTEN);",
           "    FIND(8, *(const uint64_t *)k == key, leave);",
           unit("test_map"), UNIT_FAILED),
    Mutant("map-update-shows-go", "rt/map_find.h",
           "    map_writing_begin(h);\n    void *elem = map_find_hashed(t, h, key, kind, hash, NULL);\n    map_writing_end(h);\n",
           "    void *elem = map_find_hashed(t, h, key, kind, hash, NULL);\n",
           unit("test_map"), UNIT_FAILED),
    Mutant("map-iterator-keeps", "rt/map_grow.c",
           "    if (h->flags & MAP_ITERATOR) flags |= MAP_OLD_ITERATOR;\n", "",
           unit("test_map"), UNIT_FAILED),
    Mutant("slice-append-barrier", "rt/cell.c",
           "    gc_shade_slow((uintptr_t)old);\n    *(void **)slot = v;\n", "    *(void **)slot = v;\n",
           unit("test_slice"), UNIT_FAILED),

    # ---- input
    Mutant("input-second-look", "rt/input.c",
           "    if (available() && exchange(&waiter, NULL) == g) rt_irq_ready(g);\n", "    (void)available;\n",
           sim("input"), SIM_FAILED),
    Mutant("input-ready-once", "rt/input.c",
           "    if (available() && exchange(&waiter, NULL) == g) rt_irq_ready(g);\n", "    if (available()) rt_irq_ready(g);\n",
           sim("input"), SIM_FAILED),
    Mutant("input-wake-after", "rt/input.c",
           "    bool done = input_put(b);\n    input_wake();\n", "    input_wake();\n    bool done = input_put(b);\n",
           sim("input"), SIM_FAILED),
    Mutant("input-overtaken", "rt/input.c",
           "if ((int32_t)(t - load_acquire(&head)) >= (int32_t)INPUT_BYTES)", "if (t - load_acquire(&head) >= INPUT_BYTES)",
           sim("input"), SIM_FAILED),
    Mutant("input-claim", "rt/input.c",
           "while (!cas(&tail, &t, t + 1));", "while (false); store_relaxed(&tail, t + 1);",
           sim("input"), SIM_FAILED),
    Mutant("pci-bridge-loop", "drivers/pci_scan.c",
           "    s->seen[bus / 8] |= (uint8_t)(1 << (bus % 8));\n", "",
           unit("test_pci"), "AddressSanitizer|runtime error: index"),
    Mutant("pci-capability-loop", "drivers/pci_scan.c",
           "steps == CAPS_MAX || ", "steps == 1 << 30 || ",
           unit("test_pci"), UNIT_FAILED),
    Mutant("usb-deadline", "drivers/xhci_port.c",
           "if (d && d->deadline <= now) over", "if (d && d->deadline < 0) over",
           unit("test_usb"), UNIT_FAILED),
    # ---- traces and profiles
    Mutant("trace-interrupts-buffer", "rt/trace.c",
           "    put(&p->trace[1], TRACE_IRQ,", "    put(&p->trace[0], TRACE_IRQ,",
           unit("test_trace"), UNIT_FAILED),
    Mutant("trace-overwritten-while-read", "rt/trace.c",
           "return load_relaxed(&b->n) < i + b->room;", "return true;",
           unit("test_trace"), UNIT_FAILED),
    Mutant("trace-closed", "rt/trace.c",
           "    if (unlikely(load_acquire(&closed))) return;\n", "",
           unit("test_trace"), UNIT_FAILED),
    Mutant("trace-oldest-place", "rt/trace.c",
           "b->room ? n - b->room + 1 : n;", "b->room ? n - b->room : n;",
           unit("test_trace"), UNIT_FAILED),
    Mutant("trace-yield", "rt/sched.c",
           "    if (WATCHED()) watch_left(arg, LEFT_YIELD);\n", "",
           traced("metal-t_wake"), r"starts where|starts, and runs|follows"),
    Mutant("trace-detour", "rt/watch.c",
           "    if (rt_watch) sched_watched();\n", "",
           traced("pingpong"), r"starts where|stops where|starts, and runs|made ready while it runs"),
    Mutant("leak-waiting-stacks", "rt/leak.c",
           "leak.wave == 0 || r->g->leak_wave != leak.wave", "false",
           leaks(), r"leak: 1 goroutine waits"),
    Mutant("leak-waves", "rt/leak.c",
           "        more = false;\n        leak.wave++;", "        break;",
           leaks("none"), r"goroutines? waits? for what nobody"),
]

EQUIVALENT = [
    Equivalent("profile-change-waits", "rt/profile.c",
               "        for (unsigned turns = 0; load_acquire(&rt_ps[i]->sampling); turns++)\n            plat_spin(turns);\n", "        (void)i;\n",
               "another core's interrupt must be in the few instructions that fill in a sample while the table is emptied; the next profile of tests/go/profiles.go begins "
               "seconds later"),
    Equivalent("idle-barrier", "rt/idle.c",
               "    fence_seq(); // pairs with the barrier between queueing and reading idle_count\n", "",
               "the locked add before it is a full barrier on x86; C11 and other machines need it"),
    Equivalent("pinned-barrier", "rt/queues.c",
               "    fence_seq(); // pairs with idle.c: the idling core has published itself, or sees local_count\n", "",
               "local_put's seq_cst store is an xchg on x86, a full barrier"),
    Equivalent("ready-tail-barrier", "rt/sched.c",
               "    runq_put(p, g);\n    fence_seq();\n    if (unlikely", "    runq_put(p, g);\n    if (unlikely",
               "x86 needs it (a store, then a load), but no test can show it: the simulator's cores are sequentially consistent, and "
               "on real ones the window is the depth of a store buffer"),
    Equivalent("slice-over-barrier", "rt/preempt.c",
               "        fence_seq(); // pairs with sched_put_global: it sees a tickless core to poke, or we see what it queued\n", "",
               "as ready-tail-barrier"),
    Equivalent("wake-barrier", "kernel/plat.c",
               "    fence_seq(); // the caller's store of wake, then our load of idle\n", "",
               "the caller sets wake by a locked or, a full barrier on x86"),
    Equivalent("idle-recheck-inbox", "rt/idle.c",
               "load_seq(&p->request) || load_seq(&p->inbox) || load_seq(&p->local_count)", "load_seq(&p->local_count)",
               "only a delay: the interrupt that filled the inbox has armed a retry, which ends the sleep"),
    Equivalent("ready-on-cpu", "rt/sched.c",
               "    if (unlikely(load_acquire(&g->on_cpu) | RT_WATCH)) ready_watched(g);\n    store_relaxed(&g->state, G_RUNNABLE); // published by the queue operation\n",
               "    if (unlikely(rt_watch)) ready_watched(g);\n    store_relaxed(&g->state, G_RUNNABLE); // published by the queue operation\n",
               "whoever takes a goroutine from a queue waits for on_cpu once more, because of g_yield"),
    Equivalent("ap-gate", "kernel/x86/ap.asm",
               "    cmp     word [PARAM(AP_GATE)], 1\n    jne     .stop\n", "",
               "for a core that hears its start-up call only after it was given up; no emulated core is that late"),
    Equivalent("sweep-caught-up", "rt/gc.c",
               "!all_caught_up() || !heap_sweep_done()", "!heap_sweep_done()",
               "spans in a core's cache count as unswept until it has given them back, which is when it catches up"),
    Equivalent("type-bits-late", "rt/alloc_fast.h",
               "    hint_store(w, (*w & ~(s->slot_ones << shift)) | (uint64_t)t->gcdata[0] << shift);\n    char *p = slot_take(s, &i);\n    zero_words(p, s->slot_bytes);\n    slot_publish(s, i);\n",
               "    char *p = slot_take(s, &i);\n    zero_words(p, s->slot_bytes);\n    slot_publish(s, i);\n    hint_store(w, (*w & ~(s->slot_ones << shift)) | (uint64_t)t->gcdata[0] << shift);\n",
               "pointer bits are read by whoever marks a slot, and nobody can mark one that is being made: while marking, all free slots of the spans that cores "
               "allocate from are marked already, and a stop of the world, which begins and ends marking, finds no core inside of an allocation. (Looks at the heap "
               "while the world runs do not read the bits)"),
]
