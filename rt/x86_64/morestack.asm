; morestack.asm -- what -fsplit-stack prologues call when rsp is below the guard: grow, or answer a preemption request.
;
; Contract of gcc 12 and gccgo (libgcc's morestack.S is the reference): on entry r10 = frame size of the function, r11 = bytes
; of its stack arguments, [rsp] = return address into the function, [rsp+8] = the function's own return address, [rsp+16] =
; its stack arguments. The byte at the return address is a `ret`; the body starts one byte later. rax (vector count or static
; chain), all argument registers, xmm and x87 must survive. A variadic function reads `lea 24(%rbp),%r11` in its body: so our frame, at
; that moment, must be [rbp] = old rbp, [rbp+8] = return into the function, [rbp+16] = its return, [rbp+24] = arguments.
;
; The poison (guard = ~0) means "a request is waiting", the truth is P.request; a spurious entry is harmless: the check
; is repeated and the body runs in place. This is runtime text: never preempted here.

%include "offsets.inc"
default rel
bits 64

global __morestack, __morestack_non_split, __morestack_end, __morestack.body_returns
extern stack_grow, stack_trim, sched_preempted_call, rt_fpu_mode, rt_fpu_mask

; what a segment must offer besides frame, arguments and slack: header (40), alignment, return address
%define EXTRA 96

section .text
align 16
; A split function that calls a non-split one (only gold and lld rewrite calls to this): asks for 16 KB more.
__morestack_non_split:
    add r10, 0x4000
__morestack:
    push rbp
    mov rbp, rsp
    push rax
    cmp qword [fs:0x70], -1
    je .poisoned
.grow:
    push rdi
    push rsi
    push rcx
    mov rax, [gs:P_G]
    mov rdi, [rax + G_SEG]
    mov rsi, [rdi + SEG_NEWER]
    lea rcx, [r10 + r11 + STACK_SLACK + EXTRA]
    test rsi, rsi
    jz .slow
    cmp [rsi + SEG_BYTES], rcx
    jb .slow
.have:                          ; rax = g, rsi = the segment to use, linked both ways
    mov rdi, [rsi + SEG_OLDER]
    mov [rdi + SEG_LIVE], rbp   ; for who reads the stack: what lies below our frame is dead until the body has returned
    mov [rax + G_SEG], rsi
    mov rdi, [rsi + SEG_BYTES]
    add [rax + G_STACK_BYTES], rdi
    mov rdi, [rsi + SEG_BASE]
    add rdi, STACK_SLACK
    mov [rax + G_GUARD], rdi
    mov [fs:0x70], rdi
    inc qword [gs:P_N_SPLITS]
    cmp dword [gs:P_REQUEST], 0 ; the reread that a guard writer owes
    jne .repoison
.guarded:
    mov rdi, rsi                ; the header is the top of the segment's room
    sub rdi, r11
    and rdi, -16
    mov r10, rdi
    lea rsi, [rbp + 24]
    lea rcx, [r11 + 7]
    shr rcx, 3
    rep movsq
    pop rcx
    pop rsi
    pop rdi
    mov r11, [rbp + 8]
    inc r11
    mov rax, [rbp - 8]
    mov rsp, r10
    call r11
.body_returns:                  ; for tracebacks: a frame with this return address was called by [rbp+16], not [rbp+8]
    ; the body has returned: rax rdx xmm0 xmm1 st0 st1 are its results, rbp is our frame on the older segment
    mov rcx, [gs:P_G]
    mov rsi, [rcx + G_SEG]
    mov rdi, [rsi + SEG_BYTES]
    sub [rcx + G_STACK_BYTES], rdi
    mov rdi, [rsi + SEG_OLDER]
    mov [rcx + G_SEG], rdi
    mov rdi, [rdi + SEG_BASE]
    add rdi, STACK_SLACK
    mov [rcx + G_GUARD], rdi
    mov [fs:0x70], rdi
    cmp dword [gs:P_REQUEST], 0
    jne .repoison_return
.returned:
    mov rsp, rbp
    mov rdi, [rsi + SEG_NEWER]
    test rdi, rdi
    jnz .chain
    pop rbp
    ret
.chain:                         ; several are kept while they are small (STACK_KEEP, core.h)
    cmp qword [rdi + SEG_BYTES], STACK_KEEP
    jae .trim
    pop rbp
    ret
.trim:                          ; void stack_trim(StackSeg *kept), on the system stack
    push rax
    push rdx
    mov rdi, rsi
    mov rsp, [gs:P_SYS_SP]
    call stack_trim
    lea rsp, [rbp - 16]
    pop rdx
    pop rax
    pop rbp
    ret
.repoison:
    mov qword [fs:0x70], -1
    jmp .guarded
.repoison_return:
    mov qword [fs:0x70], -1
    jmp .returned

.slow:                          ; StackSeg *stack_grow(G *g, size_t need): general registers only, on the system stack
    push rdx
    push r8
    push r9
    push r10
    push r11
    push rbx
    mov rbx, rsp
    mov rsp, [gs:P_SYS_SP]
    mov rdi, rax
    mov rsi, rcx
    call stack_grow
    mov rsp, rbx
    mov rsi, rax
    mov rax, [gs:P_G]
    pop rbx
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdx
    jmp .have

; ---- a request: save everything into a spare context and pass through the scheduler, then go on at .resumed
.poisoned:
    mov rax, [gs:P_G]
    mov rax, [rax + G_GUARD]
    mov [fs:0x70], rax
    cmp dword [gs:P_REQUEST], 0
    je .resumed
    mov rax, [gs:P_SPARE]
    test rax, rax
    jz .resumed                 ; no room to save vectors: the request stays, a later tick or door answers it
    push rdi
    mov rdi, [rax + CTX_NEXT]
    mov [gs:P_SPARE], rdi
    dec dword [gs:P_SPARE_COUNT]
    pop rdi
    ; rax = ctx: fill its TrapFrame from the end, as an interrupt would have pushed it; rsp is rbp - 8
    mov qword [rax + TF_SS], 0
    mov [rax + TF_SS], ss
    mov [rax + TF_RSP], rsp
    pushfq
    pop qword [rax + TF_RFLAGS]
    mov qword [rax + TF_CS], 0
    mov [rax + TF_CS], cs
    mov qword [rax + TF_RIP], .resumed
    lea rsp, [rax + TF_RAX + 8]
    push qword [rbp - 8]        ; rax
    push rbx
    push rcx
    push rdx
    push rsi
    push rdi
    push rbp
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    mov rdi, rsp                ; r15 is the frame's first field, the frame the context's: rdi = ctx
    mov eax, [rt_fpu_mask]
    mov edx, [rt_fpu_mask + 4]
    cmp dword [rt_fpu_mode], FPU_XSAVE
    je .xsave
    jb .fxsave
    xsavec64 [rdi + CTX_FPU]
    jmp .saved
.xsave:
    xsave64 [rdi + CTX_FPU]
    jmp .saved
.fxsave:
    fxsave64 [rdi + CTX_FPU]
.saved:
    mov rsp, [gs:P_SYS_SP]
    xor ebp, ebp
    call sched_preempted_call   ; _Noreturn void sched_preempted_call(Ctx *ctx)
    ud2

.resumed:                       ; does the frame fit in place? else grow
    lea rax, [rbp + 16]
    sub rax, r10
    jc .grow
    push rcx
    mov rcx, [gs:P_G]
    cmp rax, [rcx + G_GUARD]
    pop rcx
    jb .grow
    mov rax, [rbp + 8]
    inc rax
    cmp dword [rax], 0x185d8d4c ; lea r11, [rbp+24]: a variadic body; our rbp will not be there, so do it for it
    jne .plain
    add rax, 4
.plain:
    mov [rbp + 8], rax
    lea r11, [rbp + 24]
    mov rax, [rbp - 8]
    mov rsp, rbp
    pop rbp
    ret
__morestack_end:

section .note.GNU-stack noalloc noexec nowrite progbits
