// plat_signal.c -- interrupts of the hosted platform are signals.
//
// Every handler runs on the thread's alternate stack, never on a goroutine's: the red zone stays whole and 2
// KB segments suffice. It turns the ucontext into the TrapFrame that trap stubs push on the metal, calls rt,
// and copies the frame back, so that the return from the signal enters the scheduler if rt asked for it. Our
// asynchronous signals block each other as interrupts-off does; rt's interrupt entries take no lock and
// allocate nothing, which is what makes them async-signal-safe.
//
// Faults are not blocked in handlers: a fault inside one is reported as the runtime's own, and a fault inside
// the report ends the process.
#include "host.h"
#include "syscall.h"
#include "rt/input.h"
#include <errno.h>
#include <stddef.h>
#include <ucontext.h>

#define STEP_CODE    TRAP_TRACE  // SIGTRAP by the trap flag
#define FLAGS_KEPT   0x244dd5ull // flags that Linux takes from a signal frame: AC OF DF TF SF ZF AF PF CF RF
#define NIL_PAGE_END 4096u

// TrapFrame's general registers, in its order.
static const uint8_t reg_index[] = {REG_R15, REG_R14, REG_R13, REG_R12, REG_R11, REG_R10, REG_R9, REG_R8,
                                    REG_RBP, REG_RDI, REG_RSI, REG_RDX, REG_RCX, REG_RBX, REG_RAX};
_Static_assert(sizeof reg_index * 8 == offsetof(TrapFrame, vector), "general registers come first");

static void frame_from_context(TrapFrame *tf, const ucontext_t *uc) {
    const greg_t *gr = uc->uc_mcontext.gregs;
    uint64_t *general = &tf->r15;
    for (unsigned i = 0; i < sizeof reg_index; i++)
        general[i] = (uint64_t)gr[reg_index[i]];
    tf->vector = (uint64_t)gr[REG_TRAPNO];
    tf->error = (uint64_t)gr[REG_ERR];
    tf->rip = (uint64_t)gr[REG_RIP];
    tf->cs = (uint64_t)gr[REG_CSGSFS] & 0xffff;
    tf->ss = (uint64_t)gr[REG_CSGSFS] >> 48;
    tf->rflags = (uint64_t)gr[REG_EFL];
    tf->rsp = (uint64_t)gr[REG_RSP];
}

static void frame_to_context(const TrapFrame *tf, ucontext_t *uc) {
    greg_t *gr = uc->uc_mcontext.gregs;
    const uint64_t *general = &tf->r15;
    for (unsigned i = 0; i < sizeof reg_index; i++)
        gr[reg_index[i]] = (greg_t)general[i];
    gr[REG_RIP] = (greg_t)tf->rip;
    gr[REG_RSP] = (greg_t)tf->rsp;
    gr[REG_EFL] = (greg_t)((tf->rflags & FLAGS_KEPT) | ((uint64_t)gr[REG_EFL] & ~FLAGS_KEPT));
}

// One interrupt: `entry` is rt's. The frame goes back whole when rt redirected it; a step may also have
// changed the flags alone.
static void interrupt(ucontext_t *uc, bool (*entry)(TrapFrame *tf), bool write_back) {
    HostCore *h = host_self();
    const uint8_t *outer = h->fpu_frame;
    TrapFrame tf;
    frame_from_context(&tf, uc);
    h->fpu_frame = (const uint8_t *)uc->uc_mcontext.fpregs;
    h->interrupted = &tf;
    bool redirected = entry(&tf);
    h->interrupted = NULL;
    h->fpu_frame = outer;
    if (redirected || write_back) frame_to_context(&tf, uc);
    if (h->idling) { // see plat_cpu.c: this is the waker
        fetch_or(&plat_self()->wake, WAKE_LOOK);
        barrier_local();
    }
}

static bool ipi_or_input(TrapFrame *tf) {
    input_wake(); // plat_input.c sends the same signal
    return rt_irq_ipi(tf);
}
static void on_ipi(int sig, siginfo_t *info, void *uc) {
    interrupt(uc, ipi_or_input, false);
}
static void on_tick(int sig, siginfo_t *info, void *uc) {
    if (host_timer_due(host_self())) interrupt(uc, rt_irq_tick, false);
}

static FaultKind fault_kind(int sig, const siginfo_t *info) {
    switch (sig) {
    case SIGFPE:
        return info->si_code == FPE_INTDIV ? FAULT_DIVIDE : FAULT_FPE;
    case SIGBUS:
        return FAULT_ACCESS;
    case SIGSEGV: // without an address (#GP: not canonical) the kernel says SI_KERNEL and 0
        return info->si_code > 0 && info->si_code != SI_KERNEL && (uintptr_t)info->si_addr < NIL_PAGE_END
                   ? FAULT_NIL
                   : FAULT_ACCESS;
    default:
        return FAULT_OTHER;
    }
}

static void on_fault(int sig, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    HostCore *h = host_self();
    TrapFrame tf;
    frame_from_context(&tf, uc);
    bool has_address = sig != SIGTRAP && info->si_code > 0 && info->si_code != SI_KERNEL;
    uintptr_t addr = has_address ? (uintptr_t)info->si_addr : 0;
    if (h->fault_depth++ == 0 && info->si_code > 0) { // si_code <= 0: sent by kill(), nobody's fault
        h->fpu_frame = (const uint8_t *)uc->uc_mcontext.fpregs;
        bool panicked = rt_fault(&tf, fault_kind(sig, info), addr);
        h->fpu_frame = NULL;
        if (panicked) {
            frame_to_context(&tf, uc);
            h->fault_depth--;
            return;
        }
    }
    host_crash(&tf, sig, info->si_code, addr);
}

static void on_trap(int sig, siginfo_t *info, void *uc) {
    if (info->si_code == STEP_CODE)
        interrupt(uc, rt_irq_step, true);
    else
        on_fault(sig, info, uc);
}

// SIGQUIT plays the NMI button.
static void on_quit(int sig, siginfo_t *info, void *uc) {
    TrapFrame tf;
    frame_from_context(&tf, uc);
    host_dump(&tf);
}

static void asynchronous_set(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGNAL_IPI);
    sigaddset(set, SIGNAL_TICK);
    sigaddset(set, SIGQUIT);
}

static void install(int sig, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    asynchronous_set(&sa.sa_mask);
    if (sigaction(sig, &sa, NULL) < 0) host_die_errno("sigaction", errno);
}

void host_signals_init(void) {
    sigset_t ours;
    asynchronous_set(&ours);
    sigprocmask(SIG_BLOCK, &ours, NULL);
    install(SIGNAL_IPI, on_ipi);
    install(SIGNAL_TICK, on_tick);
    install(SIGTRAP, on_trap);
    install(SIGQUIT, on_quit);
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        install(faults[i], on_fault);
}

void host_signals_unblock(void) {
    sigset_t ours;
    asynchronous_set(&ours);
    pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
}
