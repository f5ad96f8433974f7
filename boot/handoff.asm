; handoff.asm -- the last instructions of the loader; handoff.c tells why there are two pieces.
;
;   _Noreturn void handoff_leave(uint64_t bridge, uint64_t final, BootInfo *bi, uint64_t entry, void *trampoline)
;       rdi, rsi: roots of the two sets of page tables; rdx: passed to the kernel; rcx: kernel_entry; r8: copy of the
;       trampoline below. System V convention. Uses no stack. Interrupts: off from here on.
;   handoff_trampoline
;       copied by handoff.c, so position independent. Same registers.

%define CPUID_EXT     0x80000001
%define CPUID_EXT_NX  1 << 20
%define MSR_EFER      0xc0000080
%define EFER_NXE      1 << 11
%define CR0_MP        1 << 1
%define CR0_EM        1 << 2
%define CR0_TS        1 << 3
%define CR0_NE        1 << 5
%define CR4_PGE       1 << 7
%define CR4_OSFXSR    1 << 9
%define CR4_OSXMMEXC  1 << 10
%define CR4_PCIDE     1 << 17
%define CR4_CET       1 << 23

        global  handoff_leave, handoff_leave_end, handoff_trampoline, handoff_trampoline_end

        section .text
handoff_leave:
        cli
        cld
        mov     r9, rdx             ; BootInfo; cpuid and rdmsr take eax, ebx, ecx, edx
        mov     r10, rcx            ; kernel_entry

        mov     rax, cr0            ; SSE on, as boot/bootinfo.h promises
        and     rax, ~(CR0_EM | CR0_TS)
        or      rax, CR0_MP | CR0_NE
        mov     cr0, rax
        ; Global translations of the firmware would survive the new CR3; a process context in its low bits and a
        ; shadow stack would not be expected by the kernel.
        mov     rax, cr4
        and     rax, ~(CR4_PGE | CR4_PCIDE | CR4_CET)
        or      rax, CR4_OSFXSR | CR4_OSXMMEXC
        mov     cr4, rax

        mov     eax, CPUID_EXT
        cpuid
        test    edx, CPUID_EXT_NX
        jz      .no_nx
        mov     ecx, MSR_EFER
        rdmsr
        or      eax, EFER_NXE
        wrmsr
.no_nx:
        mov     cr3, rdi            ; bridge
        jmp     r8
handoff_leave_end:

handoff_trampoline:
        mov     cr3, rsi            ; final
        mov     rdi, r9
        xor     ebp, ebp            ; the end of every frame-pointer walk
        jmp     r10
handoff_trampoline_end:

        section .note.GNU-stack noalloc noexec nowrite progbits
