// cmdline.c -- the command line: EFI load options if there are any, else cmdline.txt beside the loader.
//
// A boot manager's entry or the EFI shell speak for this one start, so they win over the file. Options that
// are no text (some firmware marks its own entries with binary data) count as none, aloud. A line that is too
// long, or a file that is there but cannot be read, ends the boot: half a command line would be worse than
// none.
#include "boot/loader.h"
#include "boot/text.h"

#define FILE_NAME L"cmdline.txt"
#define PATH_MAX  512 // CHAR16s

static bool started_by_shell(EFI_HANDLE image) {
    EFI_GUID guid = EFI_SHELL_PARAMETERS_PROTOCOL_GUID;
    void *parameters;
    return !EFI_ERROR(BS->HandleProtocol(image, &guid, &parameters));
}

static bool from_load_options(EFI_HANDLE image, const EFI_LOADED_IMAGE *loaded, char *buffer) {
    if (!loaded->LoadOptions || loaded->LoadOptionsSize == 0) return false;
    switch (text_from_load_options(loaded->LoadOptions, loaded->LoadOptionsSize, buffer, BOOT_CMDLINE_MAX)) {
    case TEXT_TOO_LONG:
        boot_fail("the command line in the EFI load options is longer than %u bytes",
                  (uint64_t)BOOT_CMDLINE_MAX - 1);
    case TEXT_BINARY:
        console_print("burrow: EFI load options ignored: %u bytes that are no text\n",
                      (uint64_t)loaded->LoadOptionsSize);
        return false;
    case TEXT_OK:
        break;
    }
    const char *line = text_skip_program(buffer, started_by_shell(image));
    char *to = buffer;
    do
        *to++ = *line;
    while (*line++);
    return buffer[0] != 0;
}

// The path of `name` in the loader's own directory, from the loader's device path; false: not started from a
// file.
static bool path_beside(const EFI_DEVICE_PATH *node, const CHAR16 *name, CHAR16 *path) {
    UINTN length = 0, directory = 0; // directory: past the last backslash
    for (; node && !IsDevicePathEnd(node); node = NextDevicePathNode(node)) {
        UINTN bytes = DevicePathNodeLength(node);
        if (bytes < sizeof *node) return false;
        if (DevicePathType(node) != MEDIA_DEVICE_PATH || DevicePathSubType(node) != MEDIA_FILEPATH_DP)
            continue;
        const FILEPATH_DEVICE_PATH *file = (const FILEPATH_DEVICE_PATH *)node;
        if (length && path[length - 1] != '\\') path[length++] = '\\';
        for (UINTN i = 0; i < (bytes - sizeof *node) / sizeof(CHAR16) && file->PathName[i]; i++) {
            if (length + 16 >= PATH_MAX) return false;
            path[length++] = file->PathName[i];
            if (file->PathName[i] == '\\') directory = length;
        }
    }
    if (length == 0) return false;
    while ((path[directory++] = *name++)) {
    }
    return true;
}

// The open file, or NULL if there is none.
static EFI_FILE *open_beside(const EFI_LOADED_IMAGE *loaded) {
    EFI_GUID guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *volume;
    EFI_FILE *root, *file = NULL;
    CHAR16 path[PATH_MAX];
    if (!loaded->DeviceHandle || !path_beside(loaded->FilePath, FILE_NAME, path))
        return NULL; // booted from the net
    if (EFI_ERROR(BS->HandleProtocol(loaded->DeviceHandle, &guid, (void **)&volume))) return NULL;
    EFI_STATUS status = volume->OpenVolume(volume, &root);
    if (EFI_ERROR(status)) boot_fail("cmdline.txt: the volume cannot be opened (%r)", status);
    status = root->Open(root, &file, path, EFI_FILE_MODE_READ, 0);
    root->Close(root);
    if (status == EFI_NOT_FOUND) return NULL;
    if (EFI_ERROR(status)) boot_fail("cmdline.txt: cannot be opened (%r)", status);
    return file;
}

static bool from_file(const EFI_LOADED_IMAGE *loaded, char *buffer) {
    static uint8_t text[2 * BOOT_CMDLINE_MAX]; // twice: line ends and a mark may go
    EFI_FILE *file = open_beside(loaded);
    if (!file) return false;
    UINTN bytes = sizeof text;
    EFI_STATUS status = file->Read(file, &bytes, text);
    file->Close(file);
    if (EFI_ERROR(status)) boot_fail("cmdline.txt: cannot be read (%r)", status);
    switch (text_from_file(text, bytes, buffer, BOOT_CMDLINE_MAX)) {
    case TEXT_TOO_LONG:
        boot_fail("cmdline.txt: longer than %u bytes", (uint64_t)BOOT_CMDLINE_MAX - 1);
    case TEXT_BINARY:
        boot_fail("cmdline.txt: not a UTF-8 text file");
    case TEXT_OK:
        break;
    }
    return buffer[0] != 0;
}

void cmdline_find(EFI_HANDLE image, BootInfo *bi, char *buffer) {
    EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_LOADED_IMAGE *loaded;
    EFI_STATUS status = BS->HandleProtocol(image, &guid, (void **)&loaded);
    if (EFI_ERROR(status)) boot_fail("the firmware does not know the loader it started (%r)", status);
    if (from_load_options(image, loaded, buffer) || from_file(loaded, buffer)) bi->cmdline = (uint64_t)buffer;
}
