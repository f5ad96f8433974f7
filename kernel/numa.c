// numa.c -- numbers the SRAT's proximity domains.
//
// Domains are any 32-bit numbers; nodes count from 0 in the order in which the table names memory. A domain
// without memory is no node: its cores have no preference. Memory that no range names belongs to node 0, as
// does all memory of a machine with a single domain.
//
// Locks: none. Written at boot, then constant.
#include "kernel/numa.h"
#include "kernel/acpi.h"
#include "kernel/kernel.h"

static uint32_t domain[NUMA_NODES_MAX];
static int nodes;

static int node_of_domain(uint32_t d) {
    for (int i = 0; i < nodes; i++)
        if (domain[i] == d) return i;
    return -1;
}

void numa_init(void) {
    const AcpiInfo *a = acpi_info();
    unsigned lost = 0;
    for (unsigned i = 0; i < a->mem_count; i++) {
        if (node_of_domain(a->mem[i].node) >= 0) continue;
        if (nodes == NUMA_NODES_MAX)
            lost++;
        else
            domain[nodes++] = a->mem[i].node;
    }
    if (lost) rt_printf("acpi: memory of nodes beyond the first %d counts as node 0's\n", NUMA_NODES_MAX);
}

void numa_forget(void) {
    nodes = 0;
}

int numa_nodes(void) {
    return nodes > 1 ? nodes : 1;
}

int numa_node_of_memory(uint64_t phys, uint64_t *end) {
    const AcpiInfo *a = acpi_info();
    int node = 0;
    *end = UINT64_MAX;
    if (nodes < 2) return 0;
    for (unsigned i = 0; i < a->mem_count; i++) {
        uint64_t lo = a->mem[i].base, hi = lo + a->mem[i].bytes;
        if (phys >= lo && phys < hi) {
            node = node_of_domain(a->mem[i].node);
            if (hi < *end) *end = hi;
        } else if (lo > phys && lo < *end) {
            *end = lo;
        }
    }
    return node > 0 ? node : 0;
}

int numa_node_of_core(uint32_t apic_id) {
    const AcpiInfo *a = acpi_info();
    if (nodes < 2) return -1;
    for (unsigned i = 0; i < a->cpu_count; i++)
        if (a->cpus[i].apic_id == apic_id) return node_of_domain(a->cpus[i].node);
    return -1;
}
