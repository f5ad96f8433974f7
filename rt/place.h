// place.h -- what an address belongs to, for the runtime itself.
#pragma once
#include "api/place.h"
#include <stdbool.h>

// Code, constants and variables of the image, the program's and the runtime's. Any context.
bool in_image(uintptr_t addr);
