; guest.asm -- a PVH guest of a few lines for tests of the runner alone: prints a text on COM1, then ends as it is told.
;
; No C prototype: entered in 32-bit mode by QEMU, interrupts off, no stack. Never returns.
; Defined by the test: TEXT, a nasm db list; END, one of EXIT (isa-debug-exit), HANG, TRIPLE (a triple fault).
%define EXIT 1
%define HANG 2
%define TRIPLE 3

        bits    32
        global  start

        section .note.pvh note alloc
        dd      4, 4, 18                ; XEN_ELFNOTE_PHYS32_ENTRY
        db      "Xen", 0
        dd      start

        section .text
start:  mov     esi, text
        mov     edx, 0x3f8
.next:  lodsb
        test    al, al
        jz      .end
        out     dx, al
        jmp     .next
.end:
%if END == TRIPLE
        lidt    [no_idt]
        ud2
%elif END == EXIT
        mov     al, 1
        out     0xf4, al
%endif
.halt:  hlt
        jmp     .halt

        section .data
text:   db      TEXT, 0
no_idt: times 6 db 0
