// debug.c -- knobs and figures by the names of runtime/debug, runtime/trace, os/signal and testing.
//
// What has no meaning here answers so: no signal ever comes, there is no other thread. Profiles: pprof.c.
#include "go.h"
#include "panic.h"
#include "../api/gc.h"
#include "../memstats.h"
#include "../report.h"
#include "../sched.h"

#define NOTHING(c_name, name)                                                                                          \
    void c_name(void) GO(name);                                                                                        \
    void c_name(void) {}

void go_breakpoint(void) GO("runtime.Breakpoint");
void go_breakpoint(void) { rt_fatal("SIGTRAP: trace trap (runtime.Breakpoint)"); }

// ---- runtime/debug
int32_t go_set_gc_percent(int32_t percent) GO("runtime_1debug.setGCPercent");
int32_t go_set_gc_percent(int32_t percent) { return gc_set_percent(percent); }
intptr_t go_set_max_stack(intptr_t bytes) GO("runtime_1debug.setMaxStack");
intptr_t go_set_max_stack(intptr_t bytes) {
    // gccgo keeps in a frame what another compiler would move to the heap: a bound for Go's frames must leave room for that.
    if (bytes < 8 << 20) bytes = 8 << 20;
    return (intptr_t)set_max_stack((size_t)bytes);
}
intptr_t go_set_max_threads(intptr_t n) GO("runtime_1debug.setMaxThreads");
intptr_t go_set_max_threads(intptr_t n) { return 10000; } // Go's default; there are as many as cores
bool go_set_panic_on_fault(bool on) GO("runtime_1debug.setPanicOnFault");
bool go_set_panic_on_fault(bool on) {
    G *g = g_self();
    bool old = g->panic_on_fault;
    g->panic_on_fault = on;
    return old;
}
// What a panic that nobody recovers shows; fatal errors show all goroutines. "system" and "crash" add nothing here.
TracebackLevel go_traceback = TRACEBACK_SELF;
void go_set_traceback(String level) GO("runtime_1debug.SetTraceback");
void go_set_traceback(String level) {
    bool none = go_string_equal(level, go_str("none")), self = go_string_equal(level, go_str("single")) || level.n == 0;
    hint_store(&go_traceback, none ? TRACEBACK_NONE : self ? TRACEBACK_SELF : TRACEBACK_ALL);
}
static void say(void *text) { rt_printf("%s\n", (const char *)text); }
void go_write_heap_dump(uintptr_t fd) GO("runtime_1debug.WriteHeapDump");
void go_write_heap_dump(uintptr_t fd) { sys_call(say, (void *)"runtime/debug: WriteHeapDump is not supported: nothing is written"); }
String go_modinfo(void) GO("runtime_1debug.modinfo");
String go_modinfo(void) { return (String){NULL, 0}; }
const String go_build_version GO("runtime.buildVersion") = {"go1.18 gccgo Burrow", 19};

// Appends: pauses (latest first), their ends, last collection, count, total pause. The slice has room for 2 * 256 + 3.
static void gc_stats(void *arg) {
    GoSlice *s = arg;
    uint64_t *out = s->p;
    size_t n = 0, pauses = gc_figures.num_gc < MEM_STATS_PAUSES ? gc_figures.num_gc : MEM_STATS_PAUSES;
    for (size_t i = 0; i < pauses; i++)
        out[n++] = gc_figures.pause_ns[(gc_figures.num_gc - 1 - i) % MEM_STATS_PAUSES];
    for (size_t i = 0; i < pauses; i++)
        out[n++] = gc_figures.pause_end[(gc_figures.num_gc - 1 - i) % MEM_STATS_PAUSES];
    out[n++] = gc_figures.last_gc;
    out[n++] = gc_figures.num_gc;
    out[n++] = gc_figures.pause_total_ns;
    s->len = (intptr_t)n;
}
void go_read_gc_stats(GoSlice *s) GO("runtime_1debug.readGCStats");
void go_read_gc_stats(GoSlice *s) {
    if (s->cap < 2 * MEM_STATS_PAUSES + 3) go_throw("short slice passed to readGCStats");
    world_stopped_do(gc_stats, s);
    RT_DOOR();
}

// ---- os/signal
uint32_t go_signal_recv(void) GO("os_1signal.signal__recv");
uint32_t go_signal_recv(void) {
    g_self()->system = true; // it waits for ever and counts as nobody: the deadlock report does not wait for it
    p_self()->n_exited++;
    g_park(WAIT_PARK, NULL);
    return 0;
}
NOTHING(go_signal_enable, "os_1signal.signal__enable")
NOTHING(go_signal_disable, "os_1signal.signal__disable")
NOTHING(go_signal_ignore, "os_1signal.signal__ignore")
NOTHING(go_signal_wait, "os_1signal.signalWaitUntilIdle")
bool go_signal_ignored(uint32_t n) GO("os_1signal.signal__ignored");
bool go_signal_ignored(uint32_t n) { return false; }

// ---- testing
int64_t go_ticks_per_second(void) GO("runtime.tickspersecond");
int64_t go_ticks_per_second(void) { return 1000000000; }
int32_t go_gcount(void) GO("runtime.gcount");
int32_t go_gcount(void) { return goroutine_count(); }
uint32_t go_fastrand(void) GO("runtime.fastrand");
uint32_t go_fastrand(void) { return (uint32_t)(rand_next(p_self()) >> 32); }
void go_osyield(void) GO("runtime.osyield");
void go_osyield(void) { gosched(); }
// What Gosched is inlined to in the library.
void go_mcall(const FuncVal *f) GO("runtime.mcall");
void go_mcall(const FuncVal *f) { gosched(); }
const FuncVal go_gosched_m GO("runtime.gosched__m..f") = {(void (*)(void))gosched};
intptr_t go_expected_system(void) GO("runtime.expectedSystemGoroutines");
intptr_t go_expected_system(void) { return 0; }
// ---- runtime/trace
NOTHING(go_user_log, "runtime_1trace.userLog")
NOTHING(go_user_region, "runtime_1trace.userRegion")
NOTHING(go_user_task, "runtime_1trace.userTaskCreate")
NOTHING(go_user_task_end, "runtime_1trace.userTaskEnd")
