; go_closure.asm -- enters the closures of libffi (functions made by reflect.MakeFunc), which are not split-stack code, with ROOM bytes of stack.
;
; scripts/go_link.py links with --wrap, so that libffi's own references come here. r10 is the closure {code, cif, function}; cif + 24 says how many bytes of
; arguments lie on the stack, which __morestack copies. It keeps rax and the argument registers, not r10.
%define ROOM 2048
bits 64
extern __morestack
section .text
%macro CLOSURE 1
extern __real_%1
global __wrap_%1
align 16
__wrap_%1:
    lea r11, [rsp - ROOM]
    cmp r11, [fs:0x70]
    jb %%grow
%%body:
    jmp __real_%1
%%grow:
    mov rax, r10
    mov r11, [r10 + 8]
    mov r11d, [r11 + 24]
    mov r10d, ROOM
    call __morestack
    ret
    mov r10, rax
    jmp %%body
%endmacro
CLOSURE ffi_go_closure_unix64
CLOSURE ffi_go_closure_unix64_sse
section .note.GNU-stack noalloc noexec nowrite progbits
section .note.GNU-split-stack noalloc noexec nowrite progbits
