// api/time.h -- clocks, sleeping, timers, tickers (Go: package time).
//
// Durations are nanoseconds in int64_t, as Go's time.Duration; zero and negative ones are over at once. Timer
// channels hold one value, the time (time_now_ns) at which the timer fired. As in Go before 1.23, stopping or
// resetting a timer does not take back a value that is already in its channel. Timers and tickers are
// collected objects: nothing is to be freed; a timer_func's arg lives as long as its timer does, fired or not. Goroutine context; all but time_sleep never block. Out of memory
// as in mem.h.
#pragma once
#include "chan.h"

#define NANOSECOND  ((int64_t)1)
#define MICROSECOND (1000 * NANOSECOND)
#define MILLISECOND (1000 * MICROSECOND)
#define SECOND      (1000 * MILLISECOND)

int64_t time_now_ns(void);  // monotonic, since an arbitrary moment; the same clock on all cores
int64_t time_wall_ns(void); // since 1970-01-01 00:00 UTC; 0: the machine does not know

// Parks the caller for at least ns (time.Sleep).
void time_sleep(int64_t ns);

typedef struct Timer Timer;
// One shot after ns: its time is sent to timer_chan (time.NewTimer).
Timer *timer_new(int64_t ns);
// One shot after ns: fn(arg) runs in a goroutine of its own (time.AfterFunc). timer_chan is NULL.
Timer *timer_func(int64_t ns, void (*fn)(void *arg), void *arg);
chan(int64_t) timer_chan(Timer *t);
// True: it was armed and will not fire now. False: it has fired or was stopped before (its function may be
// running) (Timer.Stop).
bool timer_stop(Timer *t);
// Arms it to fire after ns from now. True: it was still armed (Timer.Reset).
bool timer_reset(Timer *t, int64_t ns);
// timer_chan(timer_new(ns)) (time.After).
chan(int64_t) time_after(int64_t ns);

typedef struct Ticker Ticker;
// Sends the time every ns to ticker_chan, dropping ticks while the last one has not been received
// (time.NewTicker). Panics: "non-positive interval for NewTicker".
Ticker *ticker_new(int64_t ns);
chan(int64_t) ticker_chan(Ticker *t);
void ticker_stop(Ticker *t); // does not close the channel (Ticker.Stop)
// Next tick after ns from now, then every ns. Panics: "non-positive interval for Ticker.Reset".
void ticker_reset(Ticker *t, int64_t ns);
