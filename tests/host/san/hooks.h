// hooks.h -- what the sanitizer builds change in the sources; the compiler is told to include it first (-include).
//
// The sanitizers must know of every switch of stacks. The runtime switches in assembly (rt/x86_64/gogo.asm); here the names of those
// routines, where C code uses them, become those of wrappers in switch.c that tell the sanitizer first. Goroutines get large
// stacks and programs are compiled without -fsplit-stack: growing a stack under instrumented code is not their business.
#pragma once
#define g_switch     san_g_switch
#define g_leave      san_g_leave
#define g_enter      san_g_enter
#define g_start      san_g_start
#define sys_call     san_sys_call
#define sys_leave    san_sys_leave
#define catch_resume san_catch_resume
#include "rt/core.h"

#undef STACK_FIRST
#undef STACK_UNUSED
#define STACK_FIRST  (128u << 10)
#define STACK_UNUSED 64u // switch.c's record of the stack

// Arrival by catch_resume.
int san_caught(void);
#define catch_save(f) (catch_save(f) && san_caught())
