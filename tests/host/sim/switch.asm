; switch.asm -- the simulator's two switches: from a core to the loop, and back.
;
; Both are ordinary calls for the compiler, so only callee-saved registers matter; 56 bytes of the core's stack are used, whatever
; stack that is. %gs and the guard are the loop's business (sim.c). No interrupts: there is one thread and no signal.
;
; What the loop leaves in the other registers does not get to a core: words of the heap that it has hashed or copied would be roots to the collector, which
; reads a preempted goroutine's vector registers, and a run would depend on whether the loop did so. (A search that hashes a state meets it the next
; time without.)

%include "offsets.inc"
default rel
bits 64

global sim_point, sim_resume, sim_app_resume
extern sim_running_core

section .bss
loop_sp: resq 1

section .text

%macro SAVE 0
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
%endmacro
%macro RESTORE_RET 0
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
%endmacro

; void sim_point(void): the running core stops; returns when the loop resumes it. Any stack of a core.
align 16
sim_point:
    SAVE
    mov rax, [sim_running_core]
    mov [rax], rsp              ; SimCore.sp
    mov rsp, [loop_sp]
    RESTORE_RET

; void sim_resume(SimCore *c): continues c where it stopped; returns at its next stop. The loop's stack.
align 16
sim_resume:
    SAVE
    mov [loop_sp], rsp
    mov [sim_running_core], rdi
    mov rsp, [rdi]
%assign i 0
%rep 16
    pxor xmm%[i], xmm%[i]
%assign i i + 1
%endrep
    xor eax, eax
    xor ecx, ecx
    xor edx, edx
    xor esi, esi
    xor edi, edi
    xor r8d, r8d
    xor r9d, r9d
    xor r10d, r10d
    xor r11d, r11d
    RESTORE_RET

; Where a goroutine goes on that was preempted at a point in application text: rsp is what sim_point left. Application text itself,
; because the runtime asks for that before it takes a goroutine off.
section app_text progbits alloc exec nowrite align=16
sim_app_resume:
    RESTORE_RET

section .note.GNU-stack noalloc noexec nowrite progbits
