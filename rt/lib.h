// lib.h -- what the library part of rt (files, symbols, command line) offers to the runtime's start.
//
// All of it is written by the boot core before the other cores run, and constant afterwards.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- cmdline.c
// Knobs that were given; 0 (or the value named) where they were not. rt_cmdline fills it, rt_main applies it.
typedef struct Knobs {
    int gomaxprocs;         // GOMAXPROCS=n
    int gogc;               // GOGC=n, -1 for "off"; default 100
    uint64_t gomemlimit;    // GOMEMLIMIT=size, UINT64_MAX for "off"
    bool gomemlimit_given;  // else the collector derives one from the machine's memory
    int64_t slice_ns;       // SLICE=duration
    uint64_t max_stack;     // MAXSTACK=size: cap of one goroutine's stack
    uint32_t trapstep;      // GODEBUG=trapstep=k: preempt after every k-th instruction
    uint32_t oomat, oomfor, oomkind; // GODEBUG=oomat=n,...: allocations that fail on purpose (inject.h)
    uint32_t gctrace;       // GODEBUG=gctrace=1: a line for each cycle; 2: more
    uint32_t gcsummary;     // GODEBUG=gcsummary=1: what collecting cost, at the end
    uint32_t gcverify, gcpoison; // GODEBUG=gcverify=1: marking is checked, freed memory is filled and checked; gcpoison=1: only this
    uint32_t gcforce_ms;    // GODEBUG=gcforce=ms: a cycle at least so often; 0: not; default two minutes
    uint32_t gcstress;      // GODEBUG=gcstress=n: a cycle at every n-th allocation
    uint32_t schedtrace_ms, scheddetail; // GODEBUG=schedtrace=ms: a line about the scheduler every so often; scheddetail=1: all of it
    uint32_t leak;          // GODEBUG=leak=1: at the end, goroutines that nobody can wake any more
    uint32_t trace, tracebuf; // GODEBUG=trace=1: events to the side channel; KB of a core's buffer, 0: by memory
    // GODEBUG=cpuprof=hz,...: profiles to the side channel. Samples a second; bytes between samples; 1; one wait of n; waits of at least about n ns
    uint32_t cpuprof, heapprof, goprof, mutexprof, blockprof;
} Knobs;
extern Knobs rt_knobs;
// The program's arguments; rt_argv[0] is its name, rt_argv[rt_argc] NULL. {"main"} before rt_cmdline.
extern int rt_argc;
extern char **rt_argv;
// The program's environment: "NAME=value" each, the last NULL.
extern char **rt_envp;

// ---- filetree.c: checks the packed file tree. False: it is truncated or corrupt, has been named on the console,
// and is empty from now on; the caller ends the boot with status 2. System stack.
bool files_init(void);

// ---- symtab.c: checks the symbol table's checksum. A bad one is named and not used; the boot goes on.
// System stack.
void symtab_init(void);
