// api/chan.h -- typed channels, and select over several of them.
//
// `chan(T)` is the type of a channel of T (Go: chan T). It is a pointer: copies name the same channel, NULL
// is Go's nil channel, which blocks for ever. T is one identifier that has a type descriptor (api/mem.h:
// TYPE_STRUCT and friends); a pointer or array type is given a name by typedef first. Values are copied in
// and out; the collector owns channels.
//
// Sending a value of another type does not compile: the types must be the same, except that an integer
// constant fits any arithmetic type and NULL any pointer type.
//
//     chan(int) c = chan_make(int, 0);
//     go(worker, c);                      // void worker(void *arg) { chan(int) c = arg; ... }
//     chan_send(c, 42);
//     int v = chan_recv(c);
//     chan_for (v, c) println("%d", v);   // until closed and empty
//
//     switch (chan_select(case_send(c, 42), case_recv(d, &x), case_default())) {
//     case 0: ...                         // 42 was sent
//     case 1: ...                         // x was received from d
//     case 2: ...                         // neither was possible at once
//     }
//
// All of these are called from goroutines, and any of them may let another goroutine run.
#pragma once
#include "mem.h"

struct Chan; // rt/chan.h. Its first two words are length and capacity: gccgo's code reads them too

// A function pointer that nobody calls: the only pointer type of C from which T can be taken back and which
// differs for each T.
#define chan(T)      __typeof__(T(*)(struct Chan *))
#define chan_elem(c) __typeof__((c)((struct Chan *)0)) // T
// The channel without its type, for the functions below.
#define chan_ptr(c) ((void)sizeof((c)((struct Chan *)0)), (struct Chan *)(c))

// ---- make, close, look

// New channel for n values of T in its buffer, n >= 0; 0: sender and receiver meet (make(chan T, n)). Panics:
// "makechan: size out of range". Out of memory as in mem.h.
#define chan_make(T, n)                                                                                      \
    ({                                                                                                       \
        _Static_assert(sizeof(T) < 65536, "chan_make: element type larger than 64 kB");                      \
        (chan(T)) chan_make_of(&type_##T, (n));                                                              \
    })
// No more values: receivers get what is buffered, then zero values. Panics: "close of closed channel", "close
// of nil channel".
#define chan_close(c) chan_close_of(chan_ptr(c))
// Values buffered now, and room for how many (len, cap). NULL: 0.
#define chan_len(c) chan_word_(chan_ptr(c), 0)
#define chan_cap(c) chan_word_(chan_ptr(c), 1)

// ---- send and receive

// Blocks until a receiver or the buffer took v (c <- v). Panics: "send on closed channel".
#define chan_send(c, v)                                                                                      \
    ({                                                                                                       \
        CHAN_CHECK_VALUE_(c, v, "chan_send: the value's type is not the channel's");                         \
        chan_elem(c) chan_value_ = (v);                                                                      \
        chan_send_from(chan_ptr(c), &chan_value_);                                                           \
    })
// The same without waiting; false: it would have had to (select with default).
#define chan_try_send(c, v)                                                                                  \
    ({                                                                                                       \
        CHAN_CHECK_VALUE_(c, v, "chan_try_send: the value's type is not the channel's");                     \
        chan_elem(c) chan_value_ = (v);                                                                      \
        chan_try_send_from(chan_ptr(c), &chan_value_);                                                       \
    })
// Blocks for a value and returns it; zero once c is closed and empty (<-c).
#define chan_recv(c)                                                                                         \
    ({                                                                                                       \
        chan_elem(c) chan_value_;                                                                            \
        chan_recv_into(chan_ptr(c), &chan_value_);                                                           \
        chan_value_;                                                                                         \
    })
// Blocks for a value and stores it to *p (p may be NULL); false, and zero in *p: c is closed and empty (v, ok
// := <-c).
#define chan_recv_ok(c, p)                                                                                   \
    ({                                                                                                       \
        CHAN_CHECK_PLACE_(c, p, "chan_recv_ok: not a pointer to the channel's type");                        \
        chan_recv_into(chan_ptr(c), (p));                                                                    \
    })
// The same without waiting: true if something was received: a value, or (*ok false) the zero of a closed
// channel. p and ok may be NULL.
#define chan_try_recv(c, p, ok)                                                                              \
    ({                                                                                                       \
        CHAN_CHECK_PLACE_(c, p, "chan_try_recv: not a pointer to the channel's type");                       \
        chan_try_recv_into(chan_ptr(c), (p), (ok));                                                          \
    })
// Loop over what arrives, until closed and empty: `chan_for (v, c) { ... }` declares v of type T (for v :=
// range c). c is evaluated once.
#define chan_for(v, c)                                                                                       \
    for (struct {                                                                                            \
             struct Chan *from;                                                                              \
             bool more;                                                                                      \
         } chan_it_ = {chan_ptr(c), true};                                                                   \
         chan_it_.more; chan_it_.more = false)                                                               \
        for (chan_elem(c) v; chan_recv_into(chan_it_.from, &v);)

// ---- select

// Waits until one of the cases can proceed, does that one, and returns its position, from 0. If several can,
// each is chosen with equal chance. With case_default() among them it does not wait. NULL channels never
// proceed; without any other case it blocks for ever. At most 65535 cases; the operands are evaluated in no
// particular order. Costs 80 bytes of the caller's frame a case, plus the values sent.
#define chan_select(...)                                                                                     \
    ({                                                                                                       \
        SelectCase chan_cases_[] = {__VA_ARGS__};                                                            \
        Waiter chan_room_[sizeof chan_cases_ / sizeof chan_cases_[0]];                                       \
        chan_select_of(chan_cases_, chan_room_, sizeof chan_cases_ / sizeof chan_cases_[0]);                 \
    })
// c <- v. Panics if chosen and closed: "send on closed channel".
#define case_send(ch, v)                                                                                     \
    {                                                                                                        \
        .c = chan_ptr(ch), .elem = (chan_elem(ch)[1]){v},                                                    \
        .kind =                                                                                              \
            SELECT_SEND + 0 * sizeof(struct {                                                                \
                              CHAN_CHECK_VALUE_(ch, v, "case_send: the value's type is not the channel's");  \
                              int some;                                                                      \
                          })                                                                                 \
    }
// *p = <-ch; p may be NULL. With a third argument (bool *): *ok tells whether it is a value (true) or ch is
// closed and empty.
#define case_recv(ch, ...) CASE_RECV_(ch, __VA_ARGS__, (bool *)0, )
#define CASE_RECV_(ch, p, okp, ...)                                                                          \
    {                                                                                                        \
        .c = chan_ptr(ch), .elem = (p), .ok = (okp),                                                         \
        .kind =                                                                                              \
            SELECT_RECV + 0 * sizeof(struct {                                                                \
                              CHAN_CHECK_PLACE_(ch, p, "case_recv: not a pointer to the channel's type");    \
                              int some;                                                                      \
                          })                                                                                 \
    }
// Chosen when no other case can proceed.
#define case_default()                                                                                       \
    { .kind = SELECT_DEFAULT }

// ---- behind the macros; for code that knows element types only at run time

typedef enum { SELECT_DEFAULT, SELECT_SEND, SELECT_RECV } SelectKind;

// A goroutine's place in a channel's queue while it waits, on its own stack. The runtime's; no field is for
// the program.
typedef struct Waiter {
    struct Waiter *next, *prev; // queue, under the channel's lock
    struct Waiter *link;        // the goroutine's other waiters (G.waiting)
    struct G *g;
    void *elem; // value to take, or place for one; NULL: not wanted
    union {
        struct {
            uint16_t index; // of its select case
            bool select;    // g waits on other channels too: claim it by g->select_done
            bool queued;    // select only: still in the queue
        };
        uint64_t flags; // as a whole word: beside a part of it an earlier frame's pointer would stay, and
                        // look like one to another object
    };
} Waiter;
_Static_assert(sizeof(Waiter) == 48, "documented frame cost");

typedef struct SelectCase {
    struct Chan *c;
    void *elem;
    bool *ok;
    uint8_t kind; // SelectKind
    uint16_t ready,
        lock; // chan_select_of's: the k-th of the ready cases, and of the order in which channels are locked
} SelectCase;
_Static_assert(sizeof(SelectCase) == 32, "documented frame cost");

struct Chan *chan_make_of(const Type *elem, intptr_t n);
void chan_close_of(struct Chan *c);
void chan_send_from(struct Chan *c, const void *elem);
bool chan_recv_into(struct Chan *c, void *elem);
bool chan_try_send_from(struct Chan *c, const void *elem);
bool chan_try_recv_into(struct Chan *c, void *elem, bool *ok);
// cases[i].c, elem, ok and kind are given; room has n elements and need not be initialised.
int chan_select_of(SelectCase *cases, Waiter *room, unsigned n);

static inline intptr_t chan_word_(struct Chan *c, int i) {
    return c ? __atomic_load_n((intptr_t *)c + i, __ATOMIC_RELAXED) : 0;
}
// __builtin_classify_type: 1 integer (bool, char and enum too), 5 pointer, 8 floating.
// __builtin_constant_p, decided at once: alone it waits for the optimiser, which is too late for an
// assertion.
#define CHAN_CONSTANT_(v) __builtin_choose_expr(__builtin_constant_p(v), 1, 0)
#define CHAN_CHECK_VALUE_(c, v, text)                                                                        \
    _Static_assert(_Generic((v), chan_elem(c) : 1, default : 0) ||                                           \
                       (CHAN_CONSTANT_(v) && __builtin_classify_type(v) == 1 &&                              \
                        (__builtin_classify_type((c)((struct Chan *)0)) == 1 ||                              \
                         __builtin_classify_type((c)((struct Chan *)0)) == 8)) ||                            \
                       (CHAN_CONSTANT_(v) && _Generic((v), void * : 1, default : 0) &&                       \
                        __builtin_classify_type((c)((struct Chan *)0)) == 5),                                \
                   text)
#define CHAN_CHECK_PLACE_(c, p, text)                                                                        \
    _Static_assert(_Generic((p), chan_elem(c) * : 1, void * : CHAN_CONSTANT_(p), default : 0), text)
