// os.c -- what packages os, syscall and sync ask of the runtime besides system calls (libc.c).
#include "go.h"
#include "../lib.h"
#include "../sched.h"

// ---- arguments, environment, the end

static uint64_t pointer_bits_string[] = {1};
static const Type string_words = {.size = 16, .ptrdata = 8, .align = 8, .field_align = 8, .kind = KIND_STRING, .gcdata = (const uint8_t *)pointer_bits_string};

GoSlice go_args(void) GO("os.runtime__args");
GoSlice go_args(void) {
    intptr_t n = rt_argc;
    String *s = heap_alloc((size_t)n * sizeof *s, &string_words, 0);
    for (intptr_t i = 0; i < n; i++)
        s[i] = go_str(rt_argv[i]);
    return (GoSlice){s, n, n};
}

// The environment that the command line gives (ENV=NAME=value); package syscall keeps and changes a copy.
GoSlice go_envs(void) GO("syscall.runtime__envs");
GoSlice go_envs(void) {
    intptr_t n = 0;
    while (rt_envp[n])
        n++;
    String *s = heap_alloc((size_t)n * sizeof *s, &string_words, 0);
    for (intptr_t i = 0; i < n; i++)
        s[i] = go_str(rt_envp[i]);
    return (GoSlice){s, n, n};
}
String go_getenv(String name) GO("runtime.gogetenv");
String go_getenv(String name) {
    for (char **e = rt_envp; *e; e++) {
        String word = go_str(*e);
        if (word.n > name.n && word.p[name.n] == '=' && memcmp(word.p, name.p, (size_t)name.n) == 0)
            return (String){word.p + name.n + 1, word.n - name.n - 1};
    }
    return (String){NULL, 0};
}
void go_setenv_c(String name, String value) GO("syscall.setenv__c");
void go_setenv_c(String name, String value) {}
void go_unsetenv_c(String name) GO("syscall.unsetenv__c");
void go_unsetenv_c(String name) {}
const String go_default_goroot GO("runtime.defaultGOROOT") = {"", 0};

void go_exit(intptr_t code) GO("syscall.Exit");
void go_exit(intptr_t code) { program_exit((int)code); }
void go_before_exit(void) GO("os.runtime__beforeExit");
void go_before_exit(void) {}
void go_sigpipe(void) GO("os.sigpipe");
void go_sigpipe(void) { program_exit(2); }
intptr_t go_pagesize(void) GO("syscall.Getpagesize");
intptr_t go_pagesize(void) { return PAGE_SIZE; }

uint32_t go_fastrand_os(void) GO("os.fastrand");
uint32_t go_fastrand_os(void) { return (uint32_t)(rand_next(p_self()) >> 32); }
uint32_t go_fastrand_net(void) GO("net.fastrand");
uint32_t go_fastrand_net(void) { return go_fastrand_os(); }
uint32_t go_fastrand_sync(void) GO("sync.fastrand");
uint32_t go_fastrand_sync(void) { return go_fastrand_os(); }
uint32_t go_fastrand_maphash(void) GO("hash_1maphash.runtime__fastrand");
uint32_t go_fastrand_maphash(void) { return go_fastrand_os(); }

// ---- nothing here waits in a system call
#define NOTHING(c_name, name)                                                                                          \
    void c_name(void) GO(name);                                                                                        \
    void c_name(void) {}
NOTHING(go_entersyscall, "syscall.Entersyscall")
NOTHING(go_exitsyscall, "syscall.Exitsyscall")
NOTHING(go_cgocall, "syscall.Cgocall")
NOTHING(go_cgocall_done, "syscall.CgocallDone")
NOTHING(go_cgocall_back, "syscall.CgocallBack")
NOTHING(go_cgocall_back_done, "syscall.CgocallBackDone")
NOTHING(go_before_fork, "syscall.runtime__BeforeFork")
NOTHING(go_after_fork, "syscall.runtime__AfterFork")
NOTHING(go_after_fork_child, "syscall.runtime__AfterForkInChild")
NOTHING(go_before_exec, "syscall.runtime__BeforeExec")
NOTHING(go_after_exec, "syscall.runtime__AfterExec")

// ---- pinning to a core: sync.Pool and atomic.Value bracket short sections in which their goroutine must neither move nor be preempted. g->unpreemptible
// says so to rt/preempt.c and to the doors; the request that came meanwhile is answered afterwards.
static int pin(void) {
    g_self()->unpreemptible++;
    barrier_local();
    return (int)p_self()->id;
}
static void unpin(void) {
    barrier_local();
    g_self()->unpreemptible--;
    RT_DOOR();
}
intptr_t go_proc_pin(void) GO("sync.runtime__procPin");
intptr_t go_proc_pin(void) { return pin(); }
void go_proc_unpin(void) GO("sync.runtime__procUnpin");
void go_proc_unpin(void) { unpin(); }
void go_proc_pin_atomic(void) GO("sync_1atomic.runtime__procPin");
void go_proc_pin_atomic(void) { pin(); }
void go_proc_unpin_atomic(void) GO("sync_1atomic.runtime__procUnpin");
void go_proc_unpin_atomic(void) { unpin(); }

// sync.Pool wants its pools emptied at the beginning of each collection, with the world stopped. Go code, which neither allocates nor waits.
static const FuncVal *pool_cleanup;
void go_register_pool_cleanup(const FuncVal *f) GO("sync.runtime__registerPoolCleanup");
void go_register_pool_cleanup(const FuncVal *f) { __atomic_store_n(&pool_cleanup, f, __ATOMIC_RELEASE); }

void rt_go_cycle_begins(void);
void rt_go_cycle_begins(void) {
    const FuncVal *f = __atomic_load_n(&pool_cleanup, __ATOMIC_ACQUIRE); // pairs with the store above
    if (!f) return;
    g_self()->unpreemptible++;
    GO_CALL(void (*)(void), f);
    g_self()->unpreemptible--;
}
