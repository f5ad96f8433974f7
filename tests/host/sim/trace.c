// trace.c -- what a repeated run did: who ran when, and where cores stopped. Off unless --trace is given;
// --points shows every point.
#include "sim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_MAX 400000

bool trace_on, trace_points;
static struct Event {
    uint64_t point;
    const char *what;
    int core;
    uintptr_t pc; // return address of the point; 0: none
} events[EVENTS_MAX];
static unsigned count; // ever; the last EVENTS_MAX are kept

void trace_event(const char *what, const SimCore *c, uintptr_t pc) {
    if (trace_on && sim.choosing) events[count++ % EVENTS_MAX] = (struct Event){sim.points, what, c->id, pc};
}

void trace_print(void) {
    char self[4096], command[5000];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (!trace_on || n < 0) return;
    self[n] = 0;
    FILE *names = NULL;
    char list[] = "/tmp/sim-trace-XXXXXX";
    int fd = mkstemp(list);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    unsigned first = count > EVENTS_MAX ? count - EVENTS_MAX : 0;
    if (out) {
        for (unsigned i = first; i < count; i++)
            fprintf(out, "%#lx\n", events[i % EVENTS_MAX].pc ? events[i % EVENTS_MAX].pc - 1 : 0);
        fclose(out);
        snprintf(command, sizeof command, "addr2line -f -s -p -e '%s' < %s", self, list);
        names = popen(command, "r");
    }
    for (unsigned i = first; i < count; i++) {
        struct Event *e = &events[i % EVENTS_MAX];
        char name[256] = "";
        if (names && !fgets(name, sizeof name, names)) name[0] = 0;
        name[strcspn(name, "\n")] = 0;
        printf("%8lu  core %d %s%s%s\n", e->point, e->core, e->what, e->pc ? " in " : "", e->pc ? name : "");
    }
    if (names) pclose(names);
    if (out) unlink(list);
}
