// t_numa.c -- on a machine with four nodes each core gets memory of its own node while there is some, then of others.
//
// hosted: no (needs nodes)
// smp: 4
// mem: 512M
// qemu: -object memory-backend-ram,id=m0,size=128M -object memory-backend-ram,id=m1,size=128M -object memory-backend-ram,id=m2,size=128M -object memory-backend-ram,id=m3,size=128M -numa node,nodeid=0,memdev=m0,cpus=0 -numa node,nodeid=1,memdev=m1,cpus=1 -numa node,nodeid=2,memdev=m2,cpus=2 -numa node,nodeid=3,memdev=m3,cpus=3
// contains: t_numa: passed
#include "metal.h"
#include "rt/page.h"

enum { NODES = 4, SINGLES = 200, RUNS = 20, RUN_PAGES = 8, NODE_MIB = 128, FILL_MIB = 150, MIB_PAGES = (1 << 20) / PAGE_SIZE };

static WaitGroup done;
static void *foreign[SINGLES]; // pages of node 0
static int64_t strangers[NODES], fallbacks;
static void *filled[FILL_MIB];

static ON_SYSTEM_STACK int node_of(const void *p) {
    PageZone *z = pageheap_zone(&page_heap, (uintptr_t)p);
    return z ? z->node : -1;
}
static ON_SYSTEM_STACK int64_t is_strange(const void *p) {
    return node_of(p) != rt_p_node(p_self());
}

// Pages, runs and an object of this core: how many are of another node?
static ON_SYSTEM_STACK void allocate_here(void *arg) {
    void *page[SINGLES], *run[RUNS];
    int64_t *strange = arg;
    for (int i = 0; i < SINGLES; i++)
        *strange += is_strange(page[i] = page_alloc(1));
    for (int i = 0; i < RUNS; i++)
        *strange += is_strange(run[i] = page_alloc(RUN_PAGES));
    for (int i = 0; i < SINGLES; i++)
        page_free(page[i], 1);
    for (int i = 0; i < RUNS; i++)
        page_free(run[i], RUN_PAGES);
}
static ON_SYSTEM_STACK void take_foreign(void *unused) {
    for (int i = 0; i < SINGLES; i++)
        foreign[i] = page_alloc(1);
}
static ON_SYSTEM_STACK void free_foreign(void *unused) {
    for (int i = 0; i < SINGLES; i++)
        page_free(foreign[i], 1);
}
static ON_SYSTEM_STACK void fill(void *unused) {
    for (int i = 0; i < FILL_MIB; i++) {
        filled[i] = page_alloc(MIB_PAGES);
        fallbacks += filled[i] && is_strange(filled[i]);
    }
}
static ON_SYSTEM_STACK void unfill(void *unused) {
    for (int i = 0; i < FILL_MIB; i++)
        if (filled[i]) page_free(filled[i], MIB_PAGES);
}

static void on_core(void *arg) {
    int core = (int)(intptr_t)arg;
    goroutine_pin(core);
    if (core == 0) sys_call(take_foreign, NULL);
    if (core == 1) sys_call(free_foreign, NULL); // must not come back to this core as its own
    sys_call(allocate_here, &strangers[core]);
    if (core == 2) {
        u8 *object = make_array(u8, 300000);
        check_equal("node of a large object of core 2", node_of(object), 2);
    }
    if (core == 3) {
        sys_call(fill, NULL);
        int64_t missing = 0;
        for (int i = 0; i < FILL_MIB; i++)
            missing += !filled[i];
        check_equal("MiB that core 3 did not get", missing, 0);
        check_range("MiB that came from other nodes", fallbacks, FILL_MIB - NODE_MIB, FILL_MIB - NODE_MIB + 40);
        sys_call(unfill, NULL);
    }
    waitgroup_done(&done);
}

int main(int argc, char **argv) {
    check_equal("nodes", memory_nodes(), NODES);
    for (int node = 0; node < NODES; node++) {
        NodeStats s = memory_node_stats(node);
        check_range("MiB of a node", (int64_t)(s.total >> 20), NODE_MIB - 8, NODE_MIB);
        check_range("of these free", (int64_t)(s.free >> 20), NODE_MIB - 16, NODE_MIB);
        check_equal("its cores", s.cores, 1);
    }
    for (int core = 0; core < cpu_count(); core++) { // one after the other: cores 0 and 1 pass pages on
        waitgroup_add(&done, 1);
        go(on_core, (void *)(intptr_t)core);
        waitgroup_wait(&done);
        check_equal("pages of another node", strangers[core], 0);
    }
    MemoryStats m = memory_stats();
    check_at_least("MiB handed out near", (int64_t)(m.near_bytes >> 20), NODE_MIB / 2);
    check_range("MiB handed out far", (int64_t)(m.far_bytes >> 20), FILL_MIB - NODE_MIB, FILL_MIB);
    return check_end("t_numa");
}
