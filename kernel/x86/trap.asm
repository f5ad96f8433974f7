; trap.asm -- 256 entry stubs and the way back.
;
; Every vector arrives on an IST stack (tables.c), interrupts off, so a stub may trust its stack whatever the
; interrupted code did with rsp; swapgs is not needed because everything runs in ring 0 with %gs = P. A stub completes
; the frame to rt/plat.h's TrapFrame: general registers only, the vector registers stay as they are.
;
; C side:
;   void irq_dispatch(TrapFrame *tf);               vectors >= 32
;   TrapFrame *trap_enter(TrapFrame *ist_frame);    vectors < 32: where the frame shall live while it is handled
;   void trap_dispatch(TrapFrame *tf);              may rewrite *tf; returning resumes it
;
; Between arrival and trap_enter's return the frame lies where a second trap of the same kind would overwrite it;
; trap_enter therefore touches only this core's Cpu and the stacks.
;
; extern const char trap_stubs[256][TRAP_STUB_BYTES];

bits 64
default rel

TRAP_STUB_BYTES equ 16

extern irq_dispatch
extern trap_enter
extern trap_dispatch
global trap_stubs

section .text

; TrapFrame, from high addresses to low. The CPU pushed ss rsp rflags cs rip (error).
%macro push_general 0
    push    rax
    push    rbx
    push    rcx
    push    rdx
    push    rsi
    push    rdi
    push    rbp
    push    r8
    push    r9
    push    r10
    push    r11
    push    r12
    push    r13
    push    r14
    push    r15
%endmacro

align 16
trap_stubs:
%assign vec 0
%rep 256
    align 16
    ; the CPU pushes an error code for #DF #TS #NP #SS #GP #PF #AC #CP #VC #SX
    %if !(vec == 8 || (vec >= 10 && vec <= 14) || vec == 17 || vec == 21 || vec == 29 || vec == 30)
    push    qword 0
    %endif
    push    qword vec
    %if vec < 32
    jmp     near trap_common
    %else
    jmp     near irq_common
    %endif
    %assign vec vec + 1
%endrep
    align 16

trap_common:
    push_general
    cld
    xor     ebp, ebp                ; the interrupted frame is walked from the TrapFrame
    mov     rdi, rsp                ; 16-aligned: the IST top is, and a TrapFrame is 11 * 16 bytes
    call    trap_enter
    mov     rsp, rax
    mov     rdi, rax
    call    trap_dispatch
    jmp     trap_return

irq_common:
    push_general
    cld
    xor     ebp, ebp
    mov     rdi, rsp
    call    irq_dispatch

trap_return:
    pop     r15
    pop     r14
    pop     r13
    pop     r12
    pop     r11
    pop     r10
    pop     r9
    pop     r8
    pop     rbp
    pop     rdi
    pop     rsi
    pop     rdx
    pop     rcx
    pop     rbx
    pop     rax
    add     rsp, 16                 ; vector, error
    iretq

section .note.GNU-stack noalloc noexec nowrite progbits
