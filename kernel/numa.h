// numa.h -- which memory is near which core: the SRAT's proximity domains, as nodes 0, 1, 2...
#pragma once
#include <stdint.h>

enum { NUMA_NODES_MAX = 64 };

void numa_init(void); // [boot] after acpi_init
void numa_forget(void); // [boot] as if the tables said nothing
int numa_nodes(void); // with memory; 1: the tables say nothing of nodes
// The node of physical address `phys`; *end: up to there the answer is the same.
int numa_node_of_memory(uint64_t phys, uint64_t *end);
int numa_node_of_core(uint32_t apic_id); // -1: its domain has no memory, or is unknown
