package main

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attempts are system calls that nobody in a container needs. Where one has a
// benign form that changes nothing even if it is allowed, it has that.
var attempts = map[string]func() error{
	"mount":             func() error { return unix.Mount("none", "/mnt", "tmpfs", 0, "size=4k") },
	"mount-proc":        func() error { return unix.Mount("proc", "/mnt", "proc", 0, "") },
	"mount-cgroup":      func() error { return unix.Mount("cgroup", "/mnt", "cgroup", 0, "memory") },
	"mount-cgroup2":     func() error { return unix.Mount("cgroup2", "/mnt", "cgroup2", 0, "") },
	"umount-proc":       func() error { return unix.Unmount("/proc", unix.MNT_DETACH) },
	"pivot_root":        func() error { return unix.PivotRoot("/mnt", "/mnt") },
	"open_tree":         func() error { return call(unix.SYS_OPEN_TREE, at, path("/"), unix.OPEN_TREE_CLONE) },
	"move_mount":        func() error { return call(unix.SYS_MOVE_MOUNT, at, path("/"), at, path("/mnt")) },
	"fsopen":            func() error { return call(unix.SYS_FSOPEN, path("tmpfs"), 0) },
	"mount_setattr":     func() error { return call(unix.SYS_MOUNT_SETATTR, at, path("/"), 0, 0, 0) },
	"unshare-user":      func() error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"unshare-mount":     func() error { return unix.Unshare(unix.CLONE_NEWNS) },
	"unshare-cgroup":    func() error { return unix.Unshare(unix.CLONE_NEWCGROUP) },
	"clone-user":        func() error { return clone(unix.CLONE_NEWUSER) },
	"clone-mount":       func() error { return clone(unix.CLONE_NEWNS) },
	"clone3":            func() error { return call(unix.SYS_CLONE3, 0, 0) },
	"setns":             setns,
	"keyctl":            func() error { return call(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, session, 0) },
	"add_key":           func() error { return call(unix.SYS_ADD_KEY, path("user"), path("museum"), path("x"), 1, session) },
	"request_key":       func() error { return call(unix.SYS_REQUEST_KEY, path("user"), path("museum"), 0, session) },
	"bpf":               func() error { return call(unix.SYS_BPF, 0, 0, 0) },
	"userfaultfd":       func() error { return call(unix.SYS_USERFAULTFD, unix.O_CLOEXEC) },
	"perf_event_open":   func() error { return call(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0) },
	"io_uring_setup":    func() error { return call(unix.SYS_IO_URING_SETUP, 1, 0) },
	"kexec_load":        func() error { return call(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0) },
	"finit_module":      func() error { return call(unix.SYS_FINIT_MODULE, negative, path(""), 0) },
	"open_by_handle_at": func() error { return call(unix.SYS_OPEN_BY_HANDLE_AT, negative, 0, 0) },
	"pidfd_getfd":       func() error { return call(unix.SYS_PIDFD_GETFD, negative, 0, 0) },
	"process_madvise":   func() error { return call(unix.SYS_PROCESS_MADVISE, negative, 0, 0, 0, 0) },
	"quotactl":          func() error { return call(unix.SYS_QUOTACTL, 0, 0, 0, 0) },
	"fanotify_init":     func() error { return call(unix.SYS_FANOTIFY_INIT, negative, 0) },
	"settimeofday":      func() error { return call(unix.SYS_SETTIMEOFDAY, 0, 0) },
	"swapon":            func() error { return call(unix.SYS_SWAPON, path("/no/such"), 0) },
	"acct":              func() error { return call(unix.SYS_ACCT, path("/no/such")) },
	"sethostname":       func() error { return unix.Sethostname([]byte("museum")) },
	"syslog":            func() error { return call(unix.SYS_SYSLOG, 10, 0, 0) }, // SYSLOG_ACTION_SIZE_BUFFER
	"syslog-read":       func() error { _, err := unix.Klogctl(3, make([]byte, 64)); return err },
	"personality":       func() error { return call(unix.SYS_PERSONALITY, 0x0040000) }, // ADDR_NO_RANDOMIZE
	"socket-alg":        func() error { return socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0) },
	"socket-alg-64":     func() error { return socket(1<<32|unix.AF_ALG, unix.SOCK_SEQPACKET, 0) },
	"socket-vsock":      func() error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0) },
	"socket-raw":        func() error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) },
	"socket-packet":     func() error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) },
	"mknod-disk":        func() error { return unix.Mknod("/tmp/disk", unix.S_IFBLK|0o666, int(unix.Mkdev(8, 0))) },
	"mknod-memory":      func() error { return unix.Mknod("/tmp/memory", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 1))) },
	"unknown":           func() error { return call(9999) },
}

const (
	at       = ^uintptr(99) // AT_FDCWD
	negative = ^uintptr(0)
	session  = ^uintptr(2) // KEY_SPEC_SESSION_KEYRING
)

func call(number uintptr, args ...uintptr) error {
	var six [6]uintptr
	copy(six[:], args)
	if _, _, errno := unix.Syscall6(number, six[0], six[1], six[2], six[3], six[4], six[5]); errno != 0 {
		return errno
	}
	return nil
}

// path is the address of a string, which is never collected: the probe is short-lived.
func path(text string) uintptr {
	bytes, _ := unix.BytePtrFromString(text) // it has no NUL
	kept = append(kept, bytes)
	return uintptr(unsafe.Pointer(bytes))
}

var kept []*byte

func socket(family, kind, protocol int) error {
	descriptor, _, errno := unix.Syscall(unix.SYS_SOCKET, uintptr(family), uintptr(kind), uintptr(protocol))
	if errno != 0 {
		return errno
	}
	return unix.Close(int(descriptor))
}

// clone makes a process in new namespaces that ends at once.
func clone(flags uintptr) error {
	child, _, errno := unix.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if child == 0 {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	_, err := syscall.Wait4(int(child), nil, 0, nil)
	return err
}

func setns() error {
	namespace, err := os.Open("/proc/1/ns/uts")
	if err != nil {
		return err
	}
	defer namespace.Close()
	return unix.Setns(int(namespace.Fd()), unix.CLONE_NEWUTS)
}
