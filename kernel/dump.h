// dump.h -- a look at the running machine, on the console; the machine goes on.
#pragma once
#include "kernel/kernel.h"

// From an interrupt handler: asks for a dump, which begins at once, as a non-maskable interrupt. [any]
void dump_request(void);
// The NMI handler's share, when no crash report is being written.
void dump_nmi(TrapFrame *tf);
// A fault happened while the NMI handler was reading for a dump: continues behind the reading. Returns if
// none was. [any]
void dump_escape(Cpu *cpu);
