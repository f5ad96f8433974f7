; payload.asm -- brings the image into BOOTX64.EFI: the header that boot/image.c checks, then the ELF file.
;
; const uint8_t payload_start[], payload_end[];
; Read-only data, no code. Defined by boot/boot.mk: PAYLOAD, the file that boot/pack_payload.py wrote.

        global  payload_start, payload_end

        section .rodata progbits alloc noexec nowrite align=4096
payload_start:
        incbin  PAYLOAD
payload_end:

        section .note.GNU-stack noalloc noexec nowrite progbits
