; gogo.asm -- switch stacks: between goroutines, to the scheduler, to the system stack, back to a catch frame.
;
; Used on the metal and hosted alike: %gs:0 is the P, %fs:0x70 the stack guard in both worlds. All of this is runtime text: an
; interrupt that lands here never switches, it sets P.request and poisons the guard. Hence the one rule of this file, kept
; by the macro GUARD: whoever writes the guard rereads P.request afterwards, so that a poison written a moment
; earlier is not lost (design 6.1). Interrupt and writer are on the same core: program order is enough.
;
; A saved goroutine's stack: [sp] = r15 r14 r13 r12 rbx rbp return-address.

%include "offsets.inc"
default rel
bits 64

extern sched
global fpu_clean, g_switch, g_leave, g_enter, g_start, sys_call, sys_leave, catch_resume, ctx_enter
extern g_exit, catch_link

; GUARD reg: installs reg as this core's guard, or the poison if a request is pending.
%macro GUARD 1
    mov [fs:0x70], %1
    cmp dword [gs:P_REQUEST], 0
    je %%clean
    mov qword [fs:0x70], -1
%%clean:
%endmacro

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

section .text

; void g_switch(G *from, G *to): parks the caller `from` and continues `to`, which was saved by g_switch or
; g_leave or is new. On from's stack, returns when somebody switches back. Clobbers all caller-saved registers.
; from->on_cpu falls once rsp has left from's stack: pairs with the acquire in g_ready.
align 16
g_switch:
    SAVE
    mov [rdi + G_SP], rsp
    stmxcsr [rdi + G_MXCSR]
    fnstcw [rdi + G_FCW]
    mov ecx, [rdi + G_MXCSR]
    movzx edx, word [rdi + G_FCW]
    mov rax, [rsi + G_GUARD]
    mov rsp, [rsi + G_SP]
    mov dword [rsi + G_ON_CPU], 1
    mov dword [rdi + G_ON_CPU], 0
    mov [gs:P_G], rsi
    GUARD rax
    xor ecx, [rsi + G_MXCSR]
    test ecx, 0xffc0            ; of its flags (bits 0-5) nobody expects anything after a call
    jnz .mxcsr
.mxcsr_done:
    cmp dx, [rsi + G_FCW]
    jne .fcw
.fcw_done:
    RESTORE_RET
.mxcsr:
    ldmxcsr [rsi + G_MXCSR]
    jmp .mxcsr_done
.fcw:
    fldcw [rsi + G_FCW]
    jmp .fcw_done

; void g_leave(G *from, void (*fn)(void *), void *arg): parks the caller and runs fn(arg), which does not return, at the top of this
; core's system stack with no current goroutine.
align 16
g_leave:
    SAVE
    mov [rdi + G_SP], rsp
    stmxcsr [rdi + G_MXCSR]
    fnstcw [rdi + G_FCW]
    mov rsp, [gs:P_SYS_SP]
    mov qword [gs:P_G], 0
    mov dword [rdi + G_ON_CPU], 0
    mov rax, rsi
    mov rdi, rdx
    xor ebp, ebp
    call rax
    ud2

; _Noreturn void g_enter(G *to): continues a goroutine saved by g_switch or g_leave, or a new one; abandons the caller's stack
; (the system stack, or that of a dead goroutine).
align 16
g_enter:
    mov rax, [rdi + G_GUARD]
    mov rsp, [rdi + G_SP]
    mov dword [rdi + G_ON_CPU], 1
    mov [gs:P_G], rdi
    GUARD rax
    ldmxcsr [rdi + G_MXCSR]
    fldcw [rdi + G_FCW]
    cmp qword [rel sched + SCHED_TRAPSTEP], 0 ; and the word behind it, clear_vectors
    jne .modes
    RESTORE_RET
.modes:
    cmp dword [rel sched + SCHED_CLEAR_VECTORS], 0
    je .no_clear
    call vectors_clear          ; it expects nothing there; what others left would look like its own
.no_clear:
    cmp dword [rel sched + SCHED_TRAPSTEP], 0
    je .no_step
    pushfq                      ; trap-flag mode: single-step from here on
    or dword [rsp], 0x100
    popfq
.no_step:
    RESTORE_RET

; GODEBUG=gcverify=1: nothing of another goroutine's stays in the vector registers.
vectors_clear:
    test dword [rel rt_fpu_mask], 4
    jz .sse
    vzeroall
    ret
.sse:
%assign i 0
%rep 16
    pxor xmm%[i], xmm%[i]
%assign i i + 1
%endrep
    ret

; First code of every goroutine: rbx = fn, r12 = arg, as g_new put them into the saved frame; rsp is 16-byte aligned.
align 16
g_start:
    mov rdi, r12
    call rbx
    call g_exit
    ud2

; void sys_call(void (*fn)(void *), void *arg): see core.h. rbp links the two stacks for the traceback.
align 16
sys_call:
    mov rax, rdi
    mov rdi, rsi
    mov rcx, [gs:P_SYS_SP]
    cmp rsp, rcx
    ja .switch
    cmp rsp, [gs:P_SYS_LO]
    jb .switch
    jmp rax
.switch:
    push rbp
    mov rbp, rsp
    mov rsp, rcx
    call rax
    mov rsp, rbp
    pop rbp
    ret

; _Noreturn void sys_leave(void (*fn)(void *), void *arg): abandons the goroutine's stack for good; fn does not return.
align 16
sys_leave:
    mov rax, rdi
    mov rdi, rsi
    mov rsp, [gs:P_SYS_SP]
    xor ebp, ebp
    call rax
    ud2

; int catch_save(CatchFrame *f): saves what a later catch_resume needs, links f (catch_link, C), returns 0; returns 1 when a panic was
; recovered. The caller's stack below rsp+8 may be overwritten in between: nothing is kept there.
global catch_save
align 16
catch_save:
    mov [rdi + CATCH_REGS + 0], rbx
    mov [rdi + CATCH_REGS + 8], rbp
    mov [rdi + CATCH_REGS + 16], r12
    mov [rdi + CATCH_REGS + 24], r13
    mov [rdi + CATCH_REGS + 32], r14
    mov [rdi + CATCH_REGS + 40], r15
    lea rax, [rsp + 8]
    mov [rdi + CATCH_REGS + 48], rax
    mov rax, [rsp]
    mov [rdi + CATCH_REGS + 56], rax
    sub rsp, 8
    call catch_link
    add rsp, 8
    xor eax, eax
    ret

; _Noreturn void catch_resume(CatchFrame *f, uintptr_t guard): on the system stack; the segments have been reset for f.
align 16
catch_resume:
    GUARD rsi
    mov rbx, [rdi + CATCH_REGS + 0]
    mov rbp, [rdi + CATCH_REGS + 8]
    mov r12, [rdi + CATCH_REGS + 16]
    mov r13, [rdi + CATCH_REGS + 24]
    mov r14, [rdi + CATCH_REGS + 32]
    mov r15, [rdi + CATCH_REGS + 40]
    mov rsp, [rdi + CATCH_REGS + 48]
    mov eax, 1
    jmp [rdi + CATCH_REGS + 56]

; void fpu_clean(void): after a goroutine was preempted in the middle of anything: empties the x87 stack and the upper vector halves, as
; calls leave them, before goroutines run that expect just that. Control words are reloaded by g_enter.
align 16
fpu_clean:
    fninit
    test dword [rt_fpu_mask], 4
    jz .done
    vzeroupper
.done:
    ret

; _Noreturn void ctx_enter(Ctx *ctx, G *g): continues a goroutine that was preempted where it stood. System stack. The context goes
; back to this core's spares before its last use: nobody takes one while the PC is in runtime text, and the metal
; has interrupts off until iretq (NMI and #MC take none).
extern rt_fpu_mode, rt_fpu_mask
align 16
ctx_enter:
%ifndef HOSTED
    cli
%endif
    mov dword [rsi + G_ON_CPU], 1
    mov [gs:P_G], rsi
    mov rax, [rsi + G_GUARD]
    GUARD rax
    mov eax, [rt_fpu_mask]
    mov edx, [rt_fpu_mask + 4]
    cmp dword [rt_fpu_mode], FPU_FXSAVE
    je .fx
    xrstor64 [rdi + CTX_FPU]
    jmp .loaded
.fx:
    fxrstor64 [rdi + CTX_FPU]
.loaded:
    mov rax, [gs:P_SPARE]
    mov [rdi + CTX_NEXT], rax
    mov [gs:P_SPARE], rdi
    inc dword [gs:P_SPARE_COUNT]
    mov rsp, rdi
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rbp
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rbx
    pop rax
    add rsp, 16
    iretq

; void call_with_stack(size_t bytes, void (*fn)(void *), void *arg): the prologue that a split-stack function with a frame of `bytes` would
; have, so that fn, which has none, finds that much room.
global call_with_stack
extern __morestack
align 16
call_with_stack:
    mov r10, rdi
    mov rax, rsp
    sub rax, r10
    jc .huge
    cmp rax, [fs:0x70]
    ja .body
.grow:
    xor r11d, r11d
    call __morestack
    ret
.body:
    push rbp
    mov rbp, rsp
    mov rdi, rdx
    call rsi
    pop rbp
    ret
.huge:                          ; more than there are addresses below: too much for any stack, but __morestack adds to it
    mov r10, rsp
    jmp .grow

section .note.GNU-stack noalloc noexec nowrite progbits
