package main

import "golang.org/x/sys/unix"

// quiet are the system calls that nobody outside the process sees, besides the inward ones.
var quiet = setOf(append(quietHere,
	unix.SYS_READ, unix.SYS_PREAD64, unix.SYS_READV, unix.SYS_PREADV, unix.SYS_CLOSE, unix.SYS_CLOSE_RANGE, unix.SYS_FSTAT, unix.SYS_NEWFSTATAT, unix.SYS_STATX, unix.SYS_LSEEK,
	unix.SYS_IOCTL,
	unix.SYS_PPOLL, unix.SYS_PSELECT6, unix.SYS_PIPE2, unix.SYS_MEMFD_CREATE,
	unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_LISTEN, unix.SYS_ACCEPT4, unix.SYS_CONNECT, unix.SYS_SHUTDOWN,
	unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKOPT, unix.SYS_RECVFROM, unix.SYS_RECVMSG,
	unix.SYS_GETPGID, unix.SYS_GETSID,
	unix.SYS_GETGROUPS, unix.SYS_SYSINFO, unix.SYS_GETRUSAGE, unix.SYS_PRLIMIT64,
	unix.SYS_GETCWD, unix.SYS_CHDIR, unix.SYS_FCHDIR, unix.SYS_GETDENTS64, unix.SYS_READLINKAT, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_OPENAT2,
	unix.SYS_FGETXATTR, unix.SYS_GETXATTR, unix.SYS_LGETXATTR, unix.SYS_FLISTXATTR, unix.SYS_LISTXATTR, unix.SYS_LLISTXATTR, unix.SYS_STATFS, unix.SYS_FSTATFS,
	unix.SYS_FADVISE64, unix.SYS_PIDFD_OPEN, unix.SYS_EXECVE, unix.SYS_PTRACE,
	// What a process does to itself.
	unix.SYS_PRCTL, unix.SYS_SETSID, unix.SYS_SETPGID, unix.SYS_CAPGET, unix.SYS_CAPSET, unix.SYS_SETRESUID, unix.SYS_SETRESGID, unix.SYS_SETGROUPS,
	unix.SYS_SETUID, unix.SYS_SETGID, unix.SYS_SECCOMP, unix.SYS_KEYCTL, unix.SYS_PERSONALITY, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_SCHED_SETAFFINITY,
	unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT,
	// The disk is nobody's to see but a machine's that dies.
	unix.SYS_FSYNC, unix.SYS_FDATASYNC,
)...)

// inward are those of a language's runtime, for memory, threads and signals, and those that
// cannot fail.
var inward = setOf(append(inwardHere,
	unix.SYS_MMAP, unix.SYS_MPROTECT, unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RT_SIGTIMEDWAIT,
	unix.SYS_TGKILL, // Go interrupts its own threads by it
	unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_FUTEX, unix.SYS_SET_ROBUST_LIST, unix.SYS_SET_TID_ADDRESS, unix.SYS_RSEQ, unix.SYS_RESTART_SYSCALL, unix.SYS_MEMBARRIER,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY,
	unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE, unix.SYS_SETITIMER, unix.SYS_GETRANDOM, unix.SYS_UNAME,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
	unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_UMASK,
	unix.SYS_WAIT4, unix.SYS_WAITID, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
)...)

func setOf(numbers ...uint64) map[uint64]bool {
	set := make(map[uint64]bool)
	for _, number := range numbers {
		set[number] = true
	}
	return set
}

// names are those of the usual calls, and arguments says for each argument of theirs what
// it is: p for a path, f for a file descriptor, n for a number, and a space for what is of
// no interest.
var (
	names = map[uint64]string{
		unix.SYS_MKDIRAT: "mkdir", unix.SYS_UNLINKAT: "unlink", unix.SYS_RENAMEAT: "rename", unix.SYS_RENAMEAT2: "rename", unix.SYS_LINKAT: "link",
		unix.SYS_SYMLINKAT: "symlink", unix.SYS_MKNODAT: "mknod", unix.SYS_FCHMODAT: "chmod", unix.SYS_FCHMOD: "fchmod", unix.SYS_FCHOWNAT: "chown", unix.SYS_FCHOWN: "fchown",
		unix.SYS_UTIMENSAT: "utimens", unix.SYS_FTRUNCATE: "truncate", unix.SYS_FSETXATTR: "setxattr", unix.SYS_FLOCK: "flock", unix.SYS_MOUNT: "mount", unix.SYS_UMOUNT2: "umount",
		unix.SYS_MOVE_MOUNT: "move_mount", unix.SYS_MOUNT_SETATTR: "mount_setattr", unix.SYS_PIVOT_ROOT: "pivot_root", unix.SYS_SETHOSTNAME: "sethostname",
		unix.SYS_PIDFD_SEND_SIGNAL: "pidfd_send_signal", unix.SYS_KILL: "kill", unix.SYS_BIND: "bind", unix.SYS_BPF: "bpf", unix.SYS_FALLOCATE: "fallocate",
		unix.SYS_OPENAT: "openat", unix.SYS_OPENAT2: "openat2", unix.SYS_EXECVE: "execve", unix.SYS_READ: "read", unix.SYS_WRITE: "write", unix.SYS_CLOSE: "close",
		unix.SYS_CLOSE_RANGE: "close_range", unix.SYS_FSTAT: "fstat", unix.SYS_NEWFSTATAT: "newfstatat", unix.SYS_STATX: "statx", unix.SYS_FSTATFS: "fstatfs",
		unix.SYS_READLINKAT: "readlinkat", unix.SYS_GETDENTS64: "getdents64", unix.SYS_FACCESSAT2: "faccessat2", unix.SYS_CHDIR: "chdir", unix.SYS_FCHDIR: "fchdir",
		unix.SYS_GETCWD: "getcwd", unix.SYS_FCNTL: "fcntl", unix.SYS_IOCTL: "ioctl", unix.SYS_DUP3: "dup3", unix.SYS_PIPE2: "pipe2", unix.SYS_PPOLL: "ppoll",
		unix.SYS_SOCKET: "socket", unix.SYS_SENDMSG: "sendmsg", unix.SYS_RECVMSG: "recvmsg", unix.SYS_GETSOCKNAME: "getsockname", unix.SYS_GETPEERNAME: "getpeername",
		unix.SYS_GETSOCKOPT: "getsockopt", unix.SYS_PRCTL: "prctl", unix.SYS_PRLIMIT64: "prlimit64", unix.SYS_KEYCTL: "keyctl", unix.SYS_SECCOMP: "seccomp",
		unix.SYS_CAPGET: "capget", unix.SYS_CAPSET: "capset", unix.SYS_SETRESUID: "setresuid", unix.SYS_SETRESGID: "setresgid", unix.SYS_SETGROUPS: "setgroups",
		unix.SYS_SETUID: "setuid", unix.SYS_SETGID: "setgid", unix.SYS_SETSID: "setsid", unix.SYS_UNSHARE: "unshare", unix.SYS_SETNS: "setns",
		unix.SYS_OPEN_TREE: "open_tree", unix.SYS_FSOPEN: "fsopen", unix.SYS_FSCONFIG: "fsconfig", unix.SYS_FSMOUNT: "fsmount", unix.SYS_SETDOMAINNAME: "setdomainname",
	}
	arguments = map[uint64]string{
		unix.SYS_MKDIRAT: " p", unix.SYS_UNLINKAT: " p", unix.SYS_RENAMEAT: " p p", unix.SYS_RENAMEAT2: " p p", unix.SYS_LINKAT: " p p", unix.SYS_SYMLINKAT: "p p",
		unix.SYS_MKNODAT: " p", unix.SYS_FCHMODAT: " p", unix.SYS_FCHMOD: "f", unix.SYS_FCHOWNAT: " p", unix.SYS_FCHOWN: "f", unix.SYS_FTRUNCATE: "f",
		unix.SYS_FSETXATTR: "f", unix.SYS_FLOCK: "f", unix.SYS_UMOUNT2: "p", unix.SYS_MOUNT: " p",
		unix.SYS_MOVE_MOUNT: "   p", unix.SYS_MOUNT_SETATTR: " p",
		unix.SYS_OPENAT: " p", unix.SYS_OPENAT2: " p", unix.SYS_EXECVE: "p", unix.SYS_READ: "f", unix.SYS_WRITE: "f", unix.SYS_CLOSE: "f", unix.SYS_FSTAT: "f",
		unix.SYS_NEWFSTATAT: " p", unix.SYS_STATX: " p", unix.SYS_FSTATFS: "f", unix.SYS_READLINKAT: " p", unix.SYS_GETDENTS64: "f", unix.SYS_FACCESSAT2: " p",
		unix.SYS_CHDIR: "p", unix.SYS_FCHDIR: "f", unix.SYS_FCNTL: "fn", unix.SYS_IOCTL: "fn", unix.SYS_DUP3: "f", unix.SYS_PRCTL: "nn", unix.SYS_PRLIMIT64: " n",
		unix.SYS_UNSHARE: "n", unix.SYS_SETNS: " n", unix.SYS_OPEN_TREE: " p", unix.SYS_FSOPEN: "p", unix.SYS_FSCONFIG: " np",
	}
)
