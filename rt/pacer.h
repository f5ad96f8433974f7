// pacer.h -- (first step)
#pragma once
#include <stdint.h>
