; libc_none.asm -- functions of C's library that libgo's packages name and that mean nothing here: each fails with ENOSYS.
;
; All are one: -1, errno ENOSYS, as package syscall expects of a system call that the system does not have.
bits 64
extern go_lib_no_such_call

%macro NONE 1-*
%rep %0
    global go_lib_%1
    go_lib_%1:
%rotate 1
%endrep
%endmacro

section .text
align 16
    NONE accept, accept4, access, acct, adjtimex, bind, chdir, chmod, chown, chroot, connect, creat64, dup, dup2, dup3
    NONE epoll_create, epoll_create1, epoll_ctl, epoll_wait, execve, faccessat, fallocate64, fchdir, fchmod, fchmodat
    NONE fchown, fchownat, fdatasync, flock, freeaddrinfo, fstatat64, fstatfs64, fsync, ftruncate64, futimesat
    NONE gai_strerror, getaddrinfo, getgroups, getnameinfo, getpeername, getpgid, getpriority, getrlimit64, getrusage
    NONE getsockname, getsockopt, getxattr, inotify_add_watch, inotify_init, inotify_init1, inotify_rm_watch, ioperm
    NONE iopl, klogctl, lchown, link, listen, listxattr, madvise, mkdir, mkdirat, mkfifo, mknod, mknodat, mlock
    NONE mlockall, mmap64, mount, mprotect, munlock, munlockall, munmap, nanosleep, pause, pipe, pipe2, pivot_root
    NONE prctl, pwrite64, reboot, recvfrom, recvmsg, removexattr, rename, renameat, rmdir, select, sendfile64, sendmsg
    NONE sendto, setdomainname, setegid, seteuid, setfsgid, setfsuid, setgid, setgroups, sethostname, setpgid
    NONE setpriority, setregid, setresgid, setresuid, setreuid, setrlimit64, setsid, setsockopt, settimeofday, setuid
    NONE setxattr, shutdown, snprintf, socket, socketpair, splice, statfs64, symlink, sync, sync_file_range, syscall
    NONE sysinfo, tcgetattr, tcsetattr, tee, time, times, truncate64, umask, umount2, unlink, unlinkat, unshare, utime
    NONE utimensat, utimes, wait4
    NONE ioctl, ptrace, getgrgid_r, getgrnam_r, getgrouplist, getpwnam_r, getpwuid_r, posix_openpt, grantpt, unlockpt, ptsname, syslog, free
    jmp go_lib_no_such_call

section .note.GNU-stack noalloc noexec nowrite progbits
