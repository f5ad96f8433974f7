// c1e.h -- halting must not stop the APIC timer.
#pragma once

void c1e_off_core(void); // this core, once
