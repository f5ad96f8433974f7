// trace.h -- the event trace (GODEBUG=trace=1): see trace.c.
#pragma once
#include "watch.h"

// Numbers are part of the stream's format: scripts/glass.py has them, too.
typedef enum {
    TRACE_NO_MORE,    // in the stream: the end of a buffer
    TRACE_CREATE,     // g: born; arg: its function
    TRACE_START,      // g runs on this core; arg: its function
    TRACE_STOP,       // g does not; why: WaitReason or LeftReason
    TRACE_EXIT,       // g has ended
    TRACE_READY,      // g may run again; arg: who says so, 0: no goroutine; why: what it waited for
    TRACE_IDLE,       // this core sleeps; why 1: begins, 0: ends
    TRACE_STEAL,      // arg: from which core
    TRACE_GC,         // why: TraceGc; arg: number of the cycle
    TRACE_STOPPED,    // world; why: 1 asked for, 2 reached, 0 goes on; arg: StopReason
    TRACE_MARK,       // this core marks; why 1: begins, 0: ends; g: for whom (assist), 0: worker
    TRACE_IRQ,        // why: TraceIrq
    TRACE_TIMER,      // a timer fires; arg: late by so many ns
    TRACE_CHAN,       // g; why: TraceChan; arg: address, shifted by 16, and the position of the case chosen by a select
    TRACE_SWEEP,      // this core sweeps while idle; why 1: begins, 0: ends
    TRACE_GAP = 127,  // in the stream: what came so far was overwritten meanwhile, it goes on with event number arg
} TraceKind;
typedef enum { TRACE_GC_BEGIN = 1, TRACE_GC_MARKING, TRACE_GC_MARKED, TRACE_GC_END } TraceGc;
typedef enum { TRACE_IRQ_TICK = 1, TRACE_IRQ_IPI } TraceIrq;
typedef enum { TRACE_CHAN_SEND = 1, TRACE_CHAN_RECV, TRACE_CHAN_CLOSE, TRACE_SELECT_SEND, TRACE_SELECT_RECV, TRACE_SELECT_DEFAULT } TraceChan;

extern bool trace_wanted;   // constant after rt_main, like rt_watch; for sites that are not hot
#ifdef RT_BLIND
#define TRACING() false
#else
#define TRACING() unlikely(trace_wanted)
#endif
void trace_start(void);     // makes the buffers. Boot core, before the others run
void trace_write_out(void); // to the side channel. System stack; others may still run
// From here on events count as not part of the trace.
void trace_close(void);

// An event of this core, outside of interrupts: goroutine's or system stack. Goroutines are noted as such (trace_g): g may be NULL.
void trace_note_slow(TraceKind kind, unsigned why, const G *g, uint64_t arg);
static inline void trace_note(TraceKind kind, unsigned why, const G *g, uint64_t arg) {
    if (TRACING()) trace_note_slow(kind, why, g, arg);
}
// The running goroutine and a channel, or NULL; of a select, the case at position i. Send, receive and close are noted before they are done, a select's case afterwards.
static inline void trace_chan(TraceChan why, const void *chan, unsigned i) {
    trace_note(TRACE_CHAN, why, g_self(), (uintptr_t)chan << 16 | i);
}
// From interrupts of this core.
void trace_irq_slow(TraceIrq why);
static inline void trace_irq(TraceIrq why) {
    if (TRACING()) trace_irq_slow(why);
}
// On the system stack only: an event about g itself, which the caller owns. Counted in g's order.
void trace_g(TraceKind kind, unsigned why, G *g, uint64_t arg);
// System stack: g is not known yet: TRACE_CREATE first.
uint64_t trace_name(const G *g);
