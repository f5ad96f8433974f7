// t_leaf.c -- a nil pointer given to the runtime's memory and string routines, or to its store into cells, is a panic of the caller, recoverable as any other.
//
// hosted: no
// (there memcpy and its like are libc's)
#include "metal.h"

static void *volatile nil;
static char bytes[200];
static volatile size_t n = 90;
static bool recovered;
static void note(void *unused) { recovered = strcmp(panic_text(recover()), "runtime error: invalid memory address or nil pointer dereference") == 0; }

#define CASE(name, call)                                                                                               \
    static void name(void) {                                                                                           \
        catch_panics();                                                                                                \
        defer(note, NULL);                                                                                             \
        call;                                                                                                          \
    }
CASE(copy_to, memcpy(nil, bytes, n))
CASE(copy_from, memcpy(bytes, nil, n))
CASE(move_down, memmove(nil, bytes, n))
CASE(set, memset(nil, 0, n))
CASE(compare, n = (size_t)memcmp(bytes, nil, n) | 90)
CASE(length, n = strlen(nil) | 90)
CASE(compare_text, n = (size_t)strcmp(bytes, nil) | 90)
CASE(door_copy, mem_copy(nil, bytes, n))
CASE(door_move, mem_move(bytes, nil, n))
CASE(door_set, mem_set(nil, 1, n))
CASE(door_compare, n = (size_t)mem_compare(nil, bytes, n) | 90)

typedef struct Cells {
    long number;
    cell(Ptr) one;
    cell(String) two;
    cell(Ptr) many[8];
} Cells;
TYPE_STRUCT(Cells, one, two, each(many));
#define NIL ((Cells *)nil)
#ifndef RT_DEBUG
CASE(cell_one, cell_set(NIL->one, bytes))
CASE(cell_two, cell_set(NIL->two, string_of("x")))
#endif

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {{"memcpy to nil", copy_to},     {"memcpy from nil", copy_from},       {"memmove", move_down}, {"memset", set},
                 {"memcmp", compare},            {"strlen", length},                   {"strcmp", compare_text}, {"mem_copy", door_copy},
                 {"mem_move", door_move},        {"mem_set", door_set},                {"mem_compare", door_compare}, 
#ifndef RT_DEBUG // where the check of what is stored comes first, and the store is no leaf: a crash report
                 {"cell", cell_one}, {"cell of a String", cell_two},
#endif
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        recovered = false;
        cases[i].run();
        check_true(cases[i].name, recovered);
    }
    return check_end("t_leaf");
}
