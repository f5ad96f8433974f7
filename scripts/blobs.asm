; blobs.asm -- brings the file tree, the symbol table and the program's name into the link, for the image and the hosted
; process alike.
;
; const unsigned char blob_files[], blob_files_end[], blob_symbols[], blob_symbols_end[]; const char blob_program[];
; Read-only data, no code. The section .blobs must be placed behind everything else (boot/image.ld), so that its size moves
; no code address: scripts/symbols.py reads the first of two links.
; Defined by the Makefile: FILES_BLOB, SYMBOLS_BLOB, the paths of the two files; PROGRAM, the name ("burrow" without it).

%ifndef PROGRAM
%define PROGRAM "burrow"
%endif
        global  blob_program, blob_files, blob_files_end, blob_symbols, blob_symbols_end

        section .blobs progbits alloc noexec nowrite align=4096
blob_symbols:
        incbin  SYMBOLS_BLOB
blob_symbols_end:
        align   4096, db 0
blob_files:
        incbin  FILES_BLOB
blob_files_end:
blob_program:
        db      PROGRAM, 0

        section .note.GNU-stack noalloc noexec nowrite progbits
