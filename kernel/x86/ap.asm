; ap.asm -- the first instructions of every core but the boot core: real mode to C.
;
; smp.c copies [ap_trampoline, ap_trampoline_end) to a page below 1 MiB, fills ApParams there and sends start-up IPIs.
;
; ap_trampoline: real mode, interrupts off, cs = page / 16, ip = 0, nothing else known, no stack used.
; void ap_entry(void): long mode, the kernel's page tables, interrupts off, no stack. The core finds its slot by its APIC id and
;   claims it; it gets a stack only then. Who has no slot, or finds it revoked because he comes too late, stops for ever:
;   interrupts off, halted, in code that needs nothing (smp.c sends such a core an INIT besides).
; ap_main(Cpu *cpu) in smp.c is called on the core's system stack and never returns (ud2).

%include "offsets.inc"

MSR_EFER equ 0xc0000080

global ap_trampoline
global ap_long
global ap_params
global ap_trampoline_end
global ap_entry
extern ap_main
extern ap_slots
extern ap_slot_count

section .rodata
align 16
%define PARAM(field) (ap_params - ap_trampoline + (field))

bits 16
ap_trampoline:
    cli
    cld
    mov     ax, cs
    mov     ds, ax
    cmp     word [PARAM(AP_GATE)], 1
    jne     .stop
    o32 lgdt [PARAM(AP_GDT_LIMIT)]
    mov     eax, [PARAM(AP_CR4)]
    mov     cr4, eax
    mov     eax, [PARAM(AP_CR3)]
    mov     cr3, eax
    mov     ecx, MSR_EFER
    rdmsr
    or      eax, [PARAM(AP_EFER)]
    wrmsr
    mov     eax, [PARAM(AP_CR0)]
    mov     cr0, eax                ; protected mode, paging and long mode at once
    jmp     dword far [PARAM(AP_JUMP)]
.stop:
    cli
    hlt
    jmp     .stop

bits 64
default rel
ap_long:
    mov     rax, [ap_params + AP_ENTRY]
    jmp     rax

align 8
ap_params:
    times AP_PARAMS_SIZE db 0
ap_trampoline_end:

section .text
ap_entry:
    mov     eax, 0x10
    mov     ds, eax
    mov     es, eax
    mov     ss, eax
    xor     eax, eax                ; the APIC id, as apic_id_self finds it
    cpuid
    cmp     eax, 0xb
    jb      .leaf1
    mov     eax, 0xb
    xor     ecx, ecx
    cpuid
    mov     esi, edx
    test    ebx, 0xffff
    jnz     .search
.leaf1:
    mov     eax, 1
    cpuid
    shr     ebx, 24
    mov     esi, ebx

.search:
    lea     rdi, [ap_slots]
    mov     ecx, [ap_slot_count]
.next:
    test    ecx, ecx
    jz      .stop
    cmp     [rdi + AP_SLOT_APIC_ID], esi
    je      .claim
    add     rdi, AP_SLOT_SIZE
    dec     ecx
    jmp     .next

.claim:
    mov     eax, AP_STATE_EXPECTED
    mov     edx, AP_STATE_ENTERED
    lock cmpxchg [rdi + AP_SLOT_STATE], edx
    jne     .stop
    mov     rsp, [rdi + AP_SLOT_STACK]
    mov     rdi, [rdi + AP_SLOT_CPU]
    xor     ebp, ebp
    call    ap_main
    ud2

.stop:
    cli
    hlt
    jmp     .stop

section .note.GNU-stack noalloc noexec nowrite progbits
