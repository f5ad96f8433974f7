// atomic.h -- the few named memory orders that rt uses, over C11 atomics.
// Each use names its partner in a comment. Context: any.
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define load_relaxed(p)     atomic_load_explicit((p), memory_order_relaxed)
#define load_acquire(p)     atomic_load_explicit((p), memory_order_acquire)
#define load_seq(p)         atomic_load_explicit((p), memory_order_seq_cst)
#define store_relaxed(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define store_release(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define store_seq(p, v)     atomic_store_explicit((p), (v), memory_order_seq_cst)
#define fetch_add(p, v)     atomic_fetch_add_explicit((p), (v), memory_order_acq_rel)
#define fetch_or(p, v)      atomic_fetch_or_explicit((p), (v), memory_order_seq_cst)
#define fetch_and(p, v)     atomic_fetch_and_explicit((p), (v), memory_order_seq_cst)
#define exchange(p, v)      atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define cas(p, old, new)    atomic_compare_exchange_strong_explicit((p), (old), (new), memory_order_seq_cst, memory_order_acquire)
#define fence_seq()         atomic_thread_fence(memory_order_seq_cst)
#define fence_acquire()     atomic_thread_fence(memory_order_acquire)
#define fence_release()     atomic_thread_fence(memory_order_release)
// For a plain field that one core writes (or the holder of a lock) and others read at any time as a hint: the same instructions as plain
// accesses, but whole and once, and known to the thread sanitizer.
#define hint_load(p)     __atomic_load_n((p), __ATOMIC_RELAXED)
#define hint_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
// Adds to one that only this core writes, in one instruction: three would be as good.
#if defined(__SANITIZE_THREAD__) || defined(__atomic_store_n) // the simulator's
#define hint_add(p, n) hint_store((p), hint_load(p) + (n))
#else
#define hint_add(p, n) __asm__("add%z0 %1, %0" : "+m"(*(p)) : "er"((__typeof__(*(p)))(n)) : "cc")
#endif
// Orders against an interrupt or signal on this same core only.
#define barrier_local()     atomic_signal_fence(memory_order_seq_cst)

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
