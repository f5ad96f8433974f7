; pvh.asm -- the second way in: a PVH loader (QEMU -kernel, microVMs) enters here in 32-bit mode.
;
;   void pvh_entry(void)        never returns, never called from C
;
; In (PVH ABI): protected mode, paging off, flat segments, interrupts off, ebx = physical address of hvm_start_info.
;               The loader placed the image at its link address, so addresses are physical here.
; Out:          kernel_entry(BootInfo *) in the state that boot/bootinfo.h promises: long mode, interrupts off, SSE on,
;               the first 4 GiB identity mapped by 2 MiB pages (and with them the image), on a small boot stack.
; A processor without 64-bit mode gets a line on COM1 and a failed exit. Under PVH there is always a virtual machine
; underneath, so the debug-exit port is written without looking for its owner first.

extern pvh_boot_info
extern kernel_entry

%define XEN_ELFNOTE_PHYS32_ENTRY 18
%define CPUID_EXT     0x80000001
%define CPUID_EXT_LM  1 << 29
%define CPUID_EXT_NX  1 << 20
%define MSR_EFER      0xc0000080
%define EFER_LME      1 << 8
%define EFER_NXE      1 << 11
%define CR4_PAE       1 << 5
%define CR4_OSFXSR    1 << 9
%define CR4_OSXMMEXC  1 << 10
%define CR0_LONG_MODE 0x80010033    ; PG WP NE ET MP PE; EM, TS, CD, NW clear
%define PTE_TABLE     0x3           ; present, writable
%define PTE_LARGE     0x83          ; present, writable, 2 MiB
%define SEL_CODE      0x08
%define SEL_DATA      0x10

section .note.pvh note alloc noexec nowrite align=4
        dd      4, 4, XEN_ELFNOTE_PHYS32_ENTRY
        db      "Xen", 0
        dd      pvh_entry

section .rodata
align 8
pvh_gdt:                            ; "accessed" is set already: loading a selector writes nothing
        dq      0
        dq      0x00af9b000000ffff  ; 64-bit code
        dq      0x00cf93000000ffff  ; data
pvh_gdt_end:
pvh_gdtr:
        dw      pvh_gdt_end - pvh_gdt - 1
        dd      pvh_gdt
pvh_no_long_mode:
        db      "burrow: this processor has no 64-bit mode", 13, 10, 0

section .bss nobits alloc write align=4096
pvh_pml4:       resb 4096
pvh_pdpt:       resb 4096
pvh_pd:         resb 4 * 4096       ; 4 x 512 x 2 MiB = 4 GiB
pvh_stack:      resb 4096           ; kernel_entry changes to its own
pvh_stack_top:

section .text
bits 32
global pvh_entry
pvh_entry:
        cli
        cld
        mov     esp, pvh_stack_top
        mov     esi, ebx            ; start info; cpuid takes ebx

        mov     eax, 0x80000000
        cpuid
        cmp     eax, CPUID_EXT
        jb      .no_long_mode
        mov     eax, CPUID_EXT
        cpuid
        test    edx, CPUID_EXT_LM
        jz      .no_long_mode
        mov     ebp, edx            ; for the NX bit, below
        rdtsc
        push    edx                 ; the first TSC, popped as one 64-bit word
        push    eax

        mov     edi, pvh_pd         ; page directories: 2048 large pages
        mov     eax, PTE_LARGE
        mov     ecx, 2048
.large_page:
        mov     [edi], eax          ; the high halves are zero: bss
        add     eax, 0x200000
        add     edi, 8
        loop    .large_page

        mov     edi, pvh_pdpt
        mov     eax, pvh_pd + PTE_TABLE
        mov     ecx, 4
.directory:
        mov     [edi], eax
        add     eax, 4096
        add     edi, 8
        loop    .directory
        mov     dword [pvh_pml4], pvh_pdpt + PTE_TABLE

        mov     eax, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXC
        mov     cr4, eax
        mov     eax, pvh_pml4
        mov     cr3, eax
        mov     ecx, MSR_EFER
        rdmsr
        or      eax, EFER_LME
        test    ebp, CPUID_EXT_NX
        jz      .no_nx
        or      eax, EFER_NXE
.no_nx: wrmsr
        mov     eax, CR0_LONG_MODE
        mov     cr0, eax
        lgdt    [pvh_gdtr]
        jmp     SEL_CODE:pvh_entry64

.no_long_mode:
        mov     esi, pvh_no_long_mode
.char:  lodsb
        test    al, al
        jz      .fail
        mov     bl, al
        mov     ecx, 100000         ; bounded wait for the transmit register
        mov     dx, 0x3fd
.busy:  in      al, dx
        test    al, 0x20
        loopz   .busy
        mov     dx, 0x3f8
        mov     al, bl
        out     dx, al
        jmp     .char
.fail:  mov     al, 1
        out     0xf4, al            ; QEMU ends with status 3
.halt:  hlt
        jmp     .halt

bits 64
pvh_entry64:
        mov     eax, SEL_DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        xor     eax, eax
        mov     fs, eax
        mov     gs, eax
        xor     ebp, ebp            ; the end of every frame-pointer walk
        mov     edi, esi            ; start info, zero extended
        mov     esp, esp
        pop     rsi                 ; first TSC; the stack is 16-byte aligned again
        call    pvh_boot_info       ; BootInfo *pvh_boot_info(const HvmStartInfo *, uint64_t tsc)
        mov     rdi, rax
        xor     ebp, ebp
        jmp     kernel_entry

section .note.GNU-stack noalloc noexec nowrite progbits
