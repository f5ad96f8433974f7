// stub_plat.h -- what stub_plat.c offers to unit tests beyond plat.h: a settable P, memory, catching of
// rt_throw.
#pragma once
#include "core.h"
#include "test.h"
#include <setjmp.h>

// Makes p the calling thread's current P: plat_self() returns it. P 0 is set before main.
void stub_set_p(P *p);
P *stub_p(int i); // zeroed P number i, 0..7; the same one each time
// Address space without memory behind it until touched, aligned to 2 MB. Ends the test when there is none.
void *stub_reserve(size_t bytes);
void stub_release(void *p, size_t bytes);

extern int stub_cpu_count;            // what plat_cpu_count says, 1 at first
extern _Atomic size_t stub_vmap_live; // pages mapped by plat_vmap
extern bool stub_vunmap_late;         // plat_vunmap leaves the frames to plat_reclaim
extern bool stub_vmap_fails;          // plat_vmap returns NULL
extern jmp_buf *stub_throw_to;        // rt_throw, rt_fatal and panics jump here instead of ending the program
extern char stub_throw_text[256];

// stmt must end in rt_throw, rt_fatal or a runtime panic whose text contains `text`.
#define CHECK_THROWS(text, stmt)                                                                             \
    do {                                                                                                     \
        jmp_buf env_;                                                                                        \
        stub_throw_text[0] = 0;                                                                              \
        stub_throw_to = &env_;                                                                               \
        if (setjmp(env_) == 0) {                                                                             \
            stmt;                                                                                            \
        }                                                                                                    \
        stub_throw_to = NULL;                                                                                \
        test_checks++;                                                                                       \
        if (!strstr(stub_throw_text, (text))) {                                                              \
            test_failed(__FILE__, __LINE__);                                                                 \
            fprintf(stderr, "%s: expected an error with \"%s\", got \"%s\"", #stmt, (text),                  \
                    stub_throw_text);                                                                        \
            test_fail_end();                                                                                 \
        }                                                                                                    \
    } while (0)
