"""equivalent.py -- protections whose absence no test can show here, each with the reason."""
from .kinds import Equivalent

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
    Equivalent("own-turn-asked", "rt/gc.c",
               "    fetch_or(&p_self()->request, REQ_GC); // its turn is due, too: the coordinator parks, but would perhaps switch to a goroutine without passing the scheduler\n", "",
               "until all stacks have been looked at every switch passes the scheduler: other cores would have to do that while the coordinator is on its way from the stop to "
               "where it parks, and then its core only marks later"),
    Equivalent("type-bits-late", "rt/alloc.c",
               "    hint_store(w, (*w & ~(s->slot_ones << shift)) | (uint64_t)t->gcdata[0] << shift);\n    slot_zero(slot, s->slot_bytes);\n    slot_publish(s, slot);\n",
               "    slot_zero(slot, s->slot_bytes);\n    slot_publish(s, slot);\n    hint_store(w, (*w & ~(s->slot_ones << shift)) | (uint64_t)t->gcdata[0] << shift);\n",
               "pointer bits are read by whoever marks a slot, and nobody can mark one that is being made: while marking, all free slots of the spans that cores "
               "allocate from are marked already, and a stop of the world, which begins and ends marking, finds no core inside of an allocation. (Looks at the heap "
               "while the world runs do not read the bits)"),
]
