// burrow.h -- the whole interface of Burrow for applications in C.
//
// A program is `int main(int argc, char **argv)`, which runs as goroutine 1; when it returns, the machine (or the process of
// the hosted build) ends with its value as the exit status. Each part says context, ownership, errors and Go's counterpart.
#pragma once
#include "api/base.h"  // go, gosched, pin, priority; defer, panic, recover
#include "api/mem.h"   // new, make: typed allocation
#include "api/gcstats.h" // MemStats
#include "api/final.h" // finalizers
#include "api/gc.h"    // the collector
#include "api/slice.h" // slices
#include "api/map.h"   // hash maps
#include "api/any.h"   // values of any type, interfaces
#include "api/chan.h"  // typed channels, select
#include "api/sync.h"  // Mutex, RWMutex, WaitGroup, Once, Cond, Semaphore, atomics
#include "api/time.h"  // now, sleep, timers, tickers
#include "api/fmt.h"   // print and friends
#include "api/console.h" // reading the consoles
#include "api/str.h"   // memory and string functions
#include "api/builder.h" // growing text in the heap
#include "api/place.h" // where a value is
#include "api/file.h"  // files packed into the image
