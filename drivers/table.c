// table.c -- the drivers of this build, in probing order.
#include "drivers/driver.h"

extern const Driver serial_driver, framebuffer_driver, keyboard_driver, i8042_driver, pci_driver, xhci_driver;

const Driver *const driver_table[] = {
    &serial_driver, &framebuffer_driver, &keyboard_driver, &i8042_driver, &pci_driver, &xhci_driver, NULL};
