; go_libm.asm -- enters a function that was compiled without stack checks, as a prologue of -fsplit-stack would: NAME jumps to TARGET on a stack
; with at least ROOM bytes left. Arguments are in registers, results too; assembled once for every function.
%ifndef ROOM
%define ROOM 2048
%endif
bits 64
extern __morestack, TARGET
global NAME
section .text
align 16
NAME:
    lea r11, [rsp - ROOM]
    cmp r11, [fs:0x70]
    jb .grow
.body:
    jmp TARGET
.grow:
    mov r10d, ROOM
    xor r11d, r11d
    call __morestack
    ret
    jmp .body
section .note.GNU-stack noalloc noexec nowrite progbits
section .note.GNU-split-stack noalloc noexec nowrite progbits
