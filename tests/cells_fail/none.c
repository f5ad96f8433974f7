// Nothing to complain about: each kind of member that is allowed.
#include "rt/burrow.h"

typedef struct ShapeMethods {
    int (*corners)(void *self);
} ShapeMethods;
TYPE_INTERFACE(Shape, ShapeMethods);
TYPE_MAP(String, int);
typedef struct All {
    cell(struct All *) next;
    cell(String) name;
    cell(Any) any;
    cell(Shape) shape;
    cell(slice(int)) numbers;
    cell(slice(StringCell)) names[3];
    cell(chan(int)) c;
    cell(map(String, int)) counts;
    struct {
        int i;
        cell(Ptr) p;
    } part[2];
    AtomicPtr atomic;
    Mutex mutex;
    WaitGroup group;
    void (*fn)(void *);
    int (*numbers_of)(int, struct All *);
    static_ptr(const char *) text;
    const Type *type;
    double d[4];
} All;
TYPE_STRUCT(All, next, name, any, shape, numbers, each(names), c, counts, part[0].p, part[1].p, atomic);
TYPE_CELL(AllCell, All *);
TYPE_CELL(SliceCell, slice(int));
typedef struct Value {
    String name;
    Any any;
    slice(int) numbers;
    chan(int) c;
    All *all[2];
} Value;
TYPE_VALUE(Value, name, any, numbers, c, each(all));
typedef struct Key {
    int a, b;
    char c[8];
} Key;
TYPE_KEY(Key);
TYPE_MAP(Key, Value);

int main(void) {
    All *a = new (All);
    AllCell *many = make_array(AllCell, 3);
    SliceCell *slices = make_array(SliceCell, 3);
    map(Key, Value) m = map_make(Key, Value);
    cell_set(many[0], a);
    cell_set(slices[0], cell_get(a->numbers));
    return map_get(m, ((Key){1, 2, "x"})).all[0] == a && cell_get(a->shape).self == a;
}
