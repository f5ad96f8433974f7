// sema.h -- counting semaphores in one word, for mutex.c, rwmutex.c, waitgroup.c and gccgo's sync package.
#pragma once
#include "core.h"

// Both: on a goroutine's stack, no locks held.
// Takes a permit from *count, waiting for one if there is none. front: ahead of those who wait already (and have not waited longer).
void sema_acquire(uint32_t *count, bool front, WaitReason why);
// Adds a permit and wakes a waiter. handoff: the waiter has the permit for sure, and runs at once on this core.
void sema_release(uint32_t *count, bool handoff);
bool sema_try_acquire(uint32_t *count);
