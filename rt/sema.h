// sema.h -- counting semaphores in one word, for mutex.c, rwmutex.c, waitgroup.c and gccgo's sync package.
#pragma once
#include "core.h"

// Both: on a goroutine's stack, no locks held.
// Takes a permit from *count, waiting for one if there is none. front: ahead of those who wait already (and
// have not waited longer).
void sema_acquire(uint32_t *count, bool front, WaitReason why);
// Adds a permit; gives it to the first waiter, if there is one. run_it: that goroutine runs next, the caller
// yields to it.
void sema_release(uint32_t *count, bool run_it);
bool sema_try_acquire(uint32_t *count);
