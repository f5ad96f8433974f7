// acpi.h -- the parsed tables of this machine, for the rest of the kernel.
#pragma once
#include "kernel/acpi_parse.h"

const AcpiInfo *acpi_info(void); // all zero before acpi_init, and without ACPI. [any]
