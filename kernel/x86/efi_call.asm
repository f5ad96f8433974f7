; efi_call.asm -- one call of EFI's ResetSystem in an address space of its own.
;
; void efi_reset_call(uint64_t cr3, uint64_t stack_top, uint64_t reset_system, uint64_t kind);
;   rdi = page tables in which physical memory is identity mapped and this routine lies where it lies now; rsi = top of a large
;   stack there; rdx = ResetSystem's physical address; rcx = EFI_RESET_TYPE.
;   Interrupts off. Normally does not return. When the firmware refuses, the old tables and stack come back and it returns.
;   Clobbers what a C function may.
;
; One page table entry must cover the whole routine, hence the alignment.

bits 64
default rel

global efi_reset_call
global efi_reset_call_end

section .text

align 256
efi_reset_call:
    push    rbp
    mov     rbp, rsp
    push    rbx
    push    r12
    mov     rbx, rsp                ; rbx, r12: kept by the Microsoft calling convention
    mov     r12, cr3
    mov     cr3, rdi
    mov     rsp, rsi
    and     rsp, -16
    sub     rsp, 32                 ; the callee's home space
    mov     rax, rdx
    xor     edx, edx                ; EFI_SUCCESS   (rcx: kind)
    xor     r8d, r8d                ; DataSize
    xor     r9d, r9d                ; ResetData
    cld
    call    rax
    cli
    mov     cr3, r12
    mov     rsp, rbx
    pop     r12
    pop     rbx
    pop     rbp
    ret
efi_reset_call_end:

section .note.GNU-stack noalloc noexec nowrite progbits
