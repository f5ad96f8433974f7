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
    NONE accept, accept4, acct, adjtimex, bind, chown, chroot, connect, epoll_create, epoll_create1, epoll_ctl
    NONE epoll_wait, execve, fallocate64, fchown, fchownat, flock, freeaddrinfo, fstatfs64, futimesat
    NONE gai_strerror, getaddrinfo, getgroups, getnameinfo, getpeername, getpgid, getpriority, getrlimit64
    NONE getrusage, getsockname, getsockopt, getxattr, inotify_add_watch, inotify_init, inotify_init1
    NONE inotify_rm_watch, ioperm, iopl, klogctl, lchown, link, listen, listxattr, madvise, mkfifo, mknod, mknodat
    NONE mlock, mlockall, mount, mprotect, munlock, munlockall, munmap, nanosleep, pause, pivot_root
    NONE prctl, reboot, recvfrom, recvmsg, removexattr, select, sendfile64, sendmsg, sendto, setdomainname
    NONE setegid, seteuid, setfsgid, setfsuid, setgid, setgroups, sethostname, setpgid, setpriority, setregid
    NONE prlimit64, setresgid, setresuid, setreuid, setrlimit64, setsid, setsockopt, settimeofday, setuid, setxattr, shutdown
    NONE snprintf, __snprintf_chk, __fprintf_chk, socket, socketpair, splice, statfs64, sync, sync_file_range, sysinfo, tcgetattr, tcsetattr, tee
    NONE time, times, umount2, unshare, utime, wait4, ioctl, ptrace, getgrgid_r, getgrnam_r, getgrouplist
    NONE getpwnam_r, getpwuid_r, posix_openpt, grantpt, unlockpt, ptsname, syslog, free
    jmp go_lib_no_such_call

section .note.GNU-stack noalloc noexec nowrite progbits
