// main.c -- the hosted build: the runtime and an application as one Linux process.
//
//     build/APP.host [NAME=value ...] [--] [arguments]
//
// The words are those of the boot command line (design section 2): known knobs first, the program's arguments
// after them. What would be hardware comes from the environment:
//     BURROW_CPUS=4       cores (threads); default: those online
//     BURROW_MEM=512M     memory; several ranges with commas; default 1G
//     BURROW_CMDLINE=...  the whole command line as the boot takes it, when there are no words
//     BURROW_FILES=path   file tree made by scripts/pack_blob.py; default: the one linked in
//
// The application's main is renamed app_main at link time and runs as goroutine 1; its value is the exit
// status.
#include "host.h"
#include <stdlib.h>
#include <string.h>

static size_t quoted_bytes(const char *word) {
    size_t n = 3; // quotes, blank
    for (; *word; word++)
        n += *word == '"' || *word == '\\' ? 2 : 1;
    return n;
}

// The words as one command line, each quoted, so that rt_cmdline splits them back exactly.
static char *join_words(int count, char **words) {
    size_t bytes = 1;
    for (int i = 0; i < count; i++)
        bytes += quoted_bytes(words[i]);
    char *line = host_map(bytes), *out = line;
    if (line == NULL) host_die("no memory", "command line");
    for (int i = 0; i < count; i++) {
        if (out != line) *out++ = ' ';
        *out++ = '"';
        for (const char *s = words[i]; *s; s++) {
            if (*s == '"' || *s == '\\') *out++ = '\\';
            *out++ = *s;
        }
        *out++ = '"';
    }
    *out = 0;
    return line;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void run(int cpu) {
    rt_main();
}

// The words, or without any the line that scripts/run passes whole.
static const char *command_line(int argc, char **argv) {
    const char *line = getenv("BURROW_CMDLINE");
    return argc <= 1 && line ? line : join_words(argc > 0 ? argc - 1 : 0, argv + 1);
}

int main(int argc, char **argv) {
    host_console_init();
    host_time_init();
    host_fpu_init();
    host_blobs_init();
    host_cores_init();
    host_signals_init();
    host_core_attach(&host_cores[0], rt_boot_p());
    host_memory_init();
    host_cores_create();
    if (!rt_cmdline(argc > 0 ? base_name(argv[0]) : "burrow", command_line(argc, argv))) plat_exit(2);
    host_core_enter(&host_cores[0], run);
}
