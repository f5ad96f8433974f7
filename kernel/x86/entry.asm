; entry.asm -- the first instructions of the kernel on the boot core, and its move to the guarded stack.
;
; _Noreturn void kernel_entry(BootInfo *bi);
;   in: rdi = BootInfo (identity mapped); long mode, interrupts off, any stack, image mapped at its link addresses.
;   The loader has zeroed .bss. Never returns.
;
; _Noreturn void stack_switch(uintptr_t top, void (*fn)(void));
;   in: rdi = 16-aligned stack top, rsi = function. Leaves the current stack for ever; fn must not return (ud2).
;   Interrupt state unchanged.

bits 64
default rel

BOOT_STACK_BYTES equ 32768

extern kernel_main
global kernel_entry
global stack_switch

section .bss
align 4096
boot_stack:
    resb BOOT_STACK_BYTES
boot_stack_top:

section .text

kernel_entry:
    cli
    cld
    lea     rsp, [boot_stack_top]
    xor     ebp, ebp                ; the backtrace ends here
    call    kernel_main
    ud2

stack_switch:
    mov     rsp, rdi
    xor     ebp, ebp
    call    rsi
    ud2

section .note.GNU-stack noalloc noexec nowrite progbits
