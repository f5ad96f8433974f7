; land.asm -- the assembly that panics, closures and goroutines of Go need.
%include "offsets.inc"
default rel
bits 64

extern sys_call, go_land_at, panicmem_from_go

section .text

; GUARD reg: as in gogo.asm: whoever writes the guard rereads P.request.
%macro GUARD 1
    mov [fs:0x70], %1
    cmp dword [gs:P_REQUEST], 0
    je %%clean
    mov qword [fs:0x70], -1
%%clean:
%endmacro

; _Noreturn void go_land(void *frame): continues in the landing pad of the function whose frame holds the address `frame`. Called on the goroutine's
; stack; what is below is abandoned. Goes to the system stack and builds an Unwind of the caller (unwind.h) there.
global go_land
align 16
go_land:
    pop rdx                     ; pc
    mov rcx, rsp
    mov rsi, rdi                ; frame
    mov rsp, [gs:P_SYS_SP]      ; aligned to 16: 12 words later it is again
    push qword 0
    push qword 0                ; readable_to
    push qword 0                ; readable_from
    push qword 1                ; is_call
    push rdx                    ; pc
    push rcx                    ; sp
    push r15
    push r14
    push r13
    push r12
    push rbp
    push rbx
    mov rdi, rsp
    xor ebp, ebp
    call go_land_at             ; _Noreturn void go_land_at(Unwind *u, void *frame)
    ud2

; void _Unwind_Resume(void *exception): what a landing pad calls that only cleans up: the search goes on in the same function.
global _Unwind_Resume
extern go_resume_frame
align 16
_Unwind_Resume:
    push rbp
    mov rbp, rsp
    call go_resume_frame        ; void *go_resume_frame(void): the frame that the panic goes to
    pop rbp
    mov rdi, rax
    jmp go_land

; Named in the tables of every function with deferred calls, for libgcc's unwinder, which we do without.
global __gccgo_personality_v0
__gccgo_personality_v0:
    ud2

; _Noreturn void go_land_enter(const Unwind *u, uintptr_t guard): system stack; u lies there, too.
global go_land_enter
align 16
go_land_enter:
    mov rax, rsi
    GUARD rax
    mov rbx, [rdi]
    mov rbp, [rdi + 8]
    mov r12, [rdi + 16]
    mov r13, [rdi + 24]
    mov r14, [rdi + 32]
    mov r15, [rdi + 40]
    mov rsp, [rdi + 48]
    mov rcx, [rdi + 56]
    lea rax, [rel exception]    ; what the landing pad calls an exception: never looked at
    xor edx, edx
    jmp rcx

; void __go_go(void (*thunk)(void *), void *arg): a jump, so that the new goroutine is "created by" the function that says go.
extern go
global __go_go
align 16
__go_go:
    jmp go

; time.Sleep(ns)
extern time_sleep
global time.Sleep
align 16
time.Sleep:
    jmp time_sleep

; void go_call_closure(void *fv): calls the func value fv, func(), as a goroutine's first function.
global go_call_closure
align 16
go_call_closure:
    push rbp
    mov rbp, rsp
    mov r10, rdi
    call [rdi]
    pop rbp
    ret

; First function of a goroutine that runs a timer's function f(arg, seq): rdi = f; r13, r14 = arg, r15 = seq (timer.c puts them into the
; saved frame).
global go_timer_entry
align 16
go_timer_entry:
    push rbp
    mov rbp, rsp
    mov r10, rdi
    mov rax, [rdi]
    mov rdi, r13
    mov rsi, r14
    mov rdx, r15
    call rax
    pop rbp
    ret

; memcpy, memmove, memset, memcmp as gccgo's code calls them: pointers into page zero are the program's nil accesses and must become panics; the real ones are leaf
; routines of the kernel, or of a library that knows nothing of us. No frame: the panic is raised as if the caller had called it.
extern memcpy, memmove, memset, memcmp, go_panic_mem_door
%macro CHECKED 2
global go_lib_%1
align 16
go_lib_%1:
    cmp rdi, 4096
    jb .nil
%if %2
    cmp rsi, 4096
    jb .nil
%endif
.do:
    jmp %1
.nil:
    test rdx, rdx
    jz .do
    jmp go_panic_mem_door
%endmacro
CHECKED memcpy, 1
CHECKED memmove, 1
CHECKED memset, 0
CHECKED memcmp, 1

section .rodata
align 16
exception: times 32 db 0

section .note.GNU-stack noalloc noexec nowrite progbits
