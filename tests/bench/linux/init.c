// init.c -- the first process of the Linux guest that Go's programs are measured on: runs /app with the words of /argv and ends the machine.
//
// /argv holds the words, one a line. The machine's last line tells the status, as Burrow's own does (scripts/qemu.py).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { WORDS = 64 };

static int run(void) {
    static char text[4096], *words[WORDS + 1];
    FILE *f = fopen("/argv", "r");
    if (!f || !fread(text, 1, sizeof text - 1, f)) return 126;
    int n = 0;
    for (char *word = strtok(text, "\n"); word && n < WORDS; word = strtok(NULL, "\n"))
        words[n++] = word;
    pid_t child = fork();
    if (child == 0) {
        execv("/app", words);
        perror("/app");
        _exit(127);
    }
    int status = 0;
    while (wait(&status) != child) // orphans come here as well
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void) {
    mkdir("/dev", 0755), mkdir("/proc", 0755), mkdir("/sys", 0755), mkdir("/tmp", 01777);
    // The runtime of Go asks /sys how large huge pages are, and glibc /proc.
    if (mount("dev", "/dev", "devtmpfs", 0, NULL) || mount("proc", "/proc", "proc", 0, NULL) || mount("sys", "/sys", "sysfs", 0, NULL)) perror("mount");
    if (!freopen("/dev/console", "r", stdin) || !freopen("/dev/console", "w", stdout) || !freopen("/dev/console", "w", stderr)) return 1;
    setenv("HOME", "/", 1);
    int status = run();
    printf("@@burrow exit %d\n", status);
    fflush(stdout);
    tcdrain(1);
    if (ioperm(0xf4, 1, 1) == 0) outb(0, 0xf4); // QEMU's isa-debug-exit: Linux would say a last word of its own while powering off
    reboot(RB_POWER_OFF);
    return 1;
}
