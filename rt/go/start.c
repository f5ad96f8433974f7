// start.c -- a Go program's beginning: what its packages register, then main.
//
// gccgo makes __go_init_main, which calls the init functions of all packages in the order of their dependencies; each registers its global
// variables that hold pointers (registerGCRoots), and the main package the list of all type descriptors, by which reflection finds types.
#include "go.h"
#include "start.h"
#include "../root.h"

void go_init_main(void) GO("__go_init_main");
void go_main(void) GO("main.main");

void go_register_roots(VarList *v) GO("runtime.registerGCRoots");
void go_register_roots(VarList *v) { root_vars_add(v); }

GoTypeLists go_type_lists;
void go_register_types(intptr_t n, const GoTypeList *const *lists) GO("runtime.registerTypeDescriptors");
void go_register_types(intptr_t n, const GoTypeList *const *lists) { go_type_lists = (GoTypeLists){n, lists}; }

void rt_go_heap_profile(void) __attribute__((weak)); // pprof_heap.c, in programs that read that profile

// The runtime's own package, rt/go/runtime.
int app_main(int argc, char **argv, char **envp);
int app_main(int argc, char **argv, char **envp) {
    if (rt_go_heap_profile) rt_go_heap_profile();
    go_init_main();
    go_main();
    return 0;
}
