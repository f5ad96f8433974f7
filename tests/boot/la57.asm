; la57.asm -- plays a firmware that runs with five levels of page tables (LA57).
;
;   ENTER is entered instead of NEXT, and jumps there with the same stack and registers (rax excepted). Defined by the
;   build:
;       UEFI: efi_main, loader_main (the renamed efi_main of the loader). One core only: OVMF's parked cores keep four
;             levels, and its ExitBootServices waits for ever when they meet the new table.
;       PVH:  __wrap_kernel_entry, __real_kernel_entry (ld --wrap=kernel_entry): any number of cores.
;
; The number of levels cannot change while paging is on, and paging cannot be off in 64-bit mode: so through 32-bit
; code on a table of segments of our own, interrupts off. Code and stack must lie below 4 GiB, as under OVMF.
; The new top-level table has one entry: the old tables, that is, all addresses keep their meaning.

%define CR4_LA57  1 << 12
%define CR0_PG    1 << 31
%define SEL_CODE32 0x08
%define SEL_CODE64 0x10
%define SEL_DATA   0x18

        default rel
        extern  NEXT
        global  ENTER

        section .text
ENTER:
        push    rbx
        push    rbp
        push    rdi
        push    rsi
        pushfq
        cli
        sgdt    [firmware_gdtr]
        mov     rax, cr3
        and     rax, ~0xfff
        or      rax, 3              ; present, writable
        mov     [level5], rax
        lea     rbx, [level5]
        lea     rax, [gdt]
        mov     [gdtr + 2], rax
        mov     ebp, ss
        push    rbp
        mov     ebp, cs
        lgdt    [gdtr]
        lea     rsi, [in_64]
        lea     rax, [in_32]
        push    SEL_CODE32
        push    rax
        retfq
bits 32
in_32:
        mov     eax, SEL_DATA
        mov     ds, eax
        mov     ss, eax
        mov     eax, cr0
        and     eax, ~(CR0_PG)
        mov     cr0, eax
        mov     eax, cr4
        or      eax, CR4_LA57
        mov     cr4, eax
        mov     cr3, ebx
        mov     eax, cr0
        or      eax, CR0_PG
        mov     cr0, eax
        push    SEL_CODE64
        push    esi
        retf
bits 64
in_64:
        lgdt    [firmware_gdtr]
        push    rbp                 ; the firmware's code segment
        lea     rax, [back]
        push    rax
        retfq
back:   pop     rax
        mov     ss, eax
        mov     ds, eax
        popfq
        pop     rsi
        pop     rdi
        pop     rbp
        pop     rbx
        jmp     NEXT

        section .data align=4096
level5: times 512 dq 0
gdt:    dq      0, 0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff
gdtr:   dw      31
        dq      0
firmware_gdtr:
        times 10 db 0

        section .note.GNU-stack noalloc noexec nowrite progbits
