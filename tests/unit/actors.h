// actors.h -- goroutine-like actors for unit tests of what parks and readies: coroutines of one thread, run one at a time by the test.
//
// An actor is a G with a stack of its own. What is under test calls g_park and g_ready; here the first goes back to the test, the second
// notes that the actor may go on, and checks that it was parked and nobody had readied it. Panics jump back to the actor's ACTOR_TRY.
// So a test decides who goes on when, one operation at a time, and nothing else happens meanwhile.
#pragma once
#include "stub_plat.h"
#include "core.h"
#include <setjmp.h>

typedef struct Actor {
    G g; // first: actor_of
    int number;
    bool parked, ready; // ready: g_ready was called since it parked
    WaitReason why;
    void (*act)(struct Actor *self); // what actor_start lets it do
    const char *panicked;            // text of the panic that ended ACTOR_TRY, or NULL
    jmp_buf *back;
    void *context; // actors.c
} Actor;

static inline Actor *actor_of(G *g) { return (Actor *)g; }
static inline Actor *actor_self(void) { return actor_of(p_self()->g); }

Actor *actor_new(int number);
// Runs act(a) until it ends or parks. a must not be in an act. True: it has ended.
bool actor_start(Actor *a, void (*act)(Actor *self));
// Goes on with one that is ready. True: act has ended.
bool actor_resume(Actor *a);
// Who was readied since the last call, in order; at most max.
int actors_readied(Actor **list, int max);

// stmt, which may panic: then self->panicked says how. In the actor.
#define ACTOR_TRY(self, stmt)                                                                                          \
    do {                                                                                                               \
        jmp_buf env_;                                                                                                  \
        (self)->panicked = NULL;                                                                                       \
        (self)->back = &env_;                                                                                          \
        if (setjmp(env_) == 0) {                                                                                       \
            stmt;                                                                                                      \
        }                                                                                                              \
        (self)->back = NULL;                                                                                           \
    } while (0)
