// firmware.c -- what the firmware knows and the kernel will ask for: vendor, ACPI, power-off, frame buffer.
#include "boot/loader.h"

void firmware_disarm_watchdog(void) {
    BS->SetWatchdogTimer(0, 0, 0, NULL);
} // else: a reset after five minutes

static bool guid_equal(const EFI_GUID *a, const EFI_GUID *b) {
    return __builtin_memcmp(a, b, sizeof *a) == 0;
}

// The ACPI 2.0 entry has the 64-bit table list; the 1.0 entry is better than none.
static uint64_t find_rsdp(void) {
    static const EFI_GUID acpi20 = ACPI_20_TABLE_GUID, acpi10 = ACPI_TABLE_GUID;
    uint64_t old = 0;
    for (UINTN i = 0; i < ST->NumberOfTableEntries; i++) {
        const EFI_CONFIGURATION_TABLE *t = &ST->ConfigurationTable[i];
        if (guid_equal(&t->VendorGuid, &acpi20)) return (uint64_t)t->VendorTable;
        if (guid_equal(&t->VendorGuid, &acpi10)) old = (uint64_t)t->VendorTable;
    }
    return old;
}

static void copy_vendor(BootInfo *bi) {
    const CHAR16 *vendor = ST->FirmwareVendor;
    for (UINTN i = 0; vendor && vendor[i] && i + 1 < sizeof bi->firmware; i++)
        bi->firmware[i] = vendor[i] >= ' ' && vendor[i] < 0x7f ? (char)vendor[i] : '?';
}

// Fills *fb if this mode is a plain frame buffer of 32-bit pixels in one of the two usual orders.
static bool linear_mode(const EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE *mode, BootFramebuffer *fb) {
    if (!mode || !mode->Info || mode->FrameBufferBase == 0) return false;
    const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = mode->Info;
    uint32_t format;
    switch (info->PixelFormat) {
    case PixelBlueGreenRedReserved8BitPerColor:
        format = 0;
        break;
    case PixelRedGreenBlueReserved8BitPerColor:
        format = 1;
        break;
    case PixelBitMask: {
        const EFI_PIXEL_BITMASK *mask = &info->PixelInformation;
        if (mask->GreenMask != 0xff00) return false;
        if (mask->RedMask == 0xff0000 && mask->BlueMask == 0xff)
            format = 0;
        else if (mask->RedMask == 0xff && mask->BlueMask == 0xff0000)
            format = 1;
        else
            return false;
        break;
    }
    default:
        return false; // reached by Blt() alone
    }
    uint64_t bytes = (uint64_t)info->PixelsPerScanLine * info->VerticalResolution * 4;
    if (info->HorizontalResolution > info->PixelsPerScanLine || bytes == 0 || bytes > mode->FrameBufferSize)
        return false;
    *fb = (BootFramebuffer){mode->FrameBufferBase, info->HorizontalResolution, info->VerticalResolution,
                            info->PixelsPerScanLine, format};
    return true;
}

// The firmware's console may put a virtual device in front, without a frame buffer: look at all.
static void find_framebuffer(BootFramebuffer *fb) {
    EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_HANDLE *handles;
    UINTN count;
    if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles))) return;
    for (UINTN i = 0; i < count; i++) {
        EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;
        if (EFI_ERROR(BS->HandleProtocol(handles[i], &guid, (void **)&gop))) continue;
        if (linear_mode(gop->Mode, fb)) break;
    }
    if (count && !fb->base)
        console_print("burrow: this screen has no memory to draw in; it shows nothing from here on\n");
    BS->FreePool(handles);
}

// Firmware knows its clock, wherever that is. One that does not know says so, or something impossible, which
// the kernel refuses.
static void ask_time(BootTime *t) {
    EFI_TIME now = {0};
    if (EFI_ERROR(RT->GetTime(&now, NULL))) return;
    *t = (BootTime){.tsc = tsc_read(),
                    .year = now.Year,
                    .month = now.Month,
                    .day = now.Day,
                    .hour = now.Hour,
                    .minute = now.Minute,
                    .second = now.Second,
                    .zone = now.TimeZone == EFI_UNSPECIFIED_TIMEZONE ? 0 : now.TimeZone};
}

void firmware_describe(BootInfo *bi) {
    copy_vendor(bi);
    bi->rsdp = find_rsdp();
    bi->efi_system_table = (uint64_t)ST;
    bi->efi_reset_system = (uint64_t)RT->ResetSystem;
    find_framebuffer(&bi->fb);
    ask_time(&bi->time);
}
