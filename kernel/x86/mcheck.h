// mcheck.h -- machine checks: the processor's own report of broken hardware.
#pragma once

void mcheck_init_core(
    void); // this core: all banks report; says what they hold from before. After cpu_init_tables
void mcheck_print(void); // the banks of this core that hold an error, a line each. [any]
