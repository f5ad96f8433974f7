// node.c -- NUMA nodes as the program sees them: how much memory each has, and whose it is. The placement is
// page.c's.
#include "burrow.h"
#include "core.h"
#include "page.h"

int memory_nodes(void) {
    return page_nodes();
}

typedef struct NodeCall {
    int node;
    NodeStats stats;
} NodeCall;

static void node_call(void *arg) {
    NodeCall *c = arg;
    NodeMemory m = page_node(c->node);
    c->stats = (NodeStats){.total = m.total, .free = m.free};
    for (int i = 0; i < plat_cpu_count(); i++)
        c->stats.cores += rt_p_node(rt_ps[i]) == c->node;
}

NodeStats memory_node_stats(int node) {
    NodeCall c = {(int)check_index(node, page_nodes()), {0}};
    sys_call(node_call, &c);
    RT_DOOR();
    return c.stats;
}
