package seccomp

import (
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// unlocked are the system calls that are for nobody but those who have one of some
// capabilities, as in Docker's profile; "" is no capability.
var unlocked = map[string][]string{
	"": {
		"_sysctl", "add_key", "create_module", "io_uring_enter", "io_uring_register", "io_uring_setup",
		"kexec_file_load", "kexec_load", "keyctl", "migrate_pages", "move_pages", "nfsservctl", "pivot_root",
		"request_key", "swapoff", "swapon", "sysfs", "uselib", "userfaultfd", "ustat",
	},
	"CAP_BPF":             {"bpf"},
	"CAP_DAC_READ_SEARCH": {"open_by_handle_at"},
	"CAP_PERFMON":         {"perf_event_open"},
	"CAP_SYSLOG":          {"syslog"},
	"CAP_SYS_ADMIN": {
		"bpf", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "listmount", "listns",
		"lookup_dcookie", "mount", "mount_setattr", "move_mount", "open_tree", "open_tree_attr", "perf_event_open",
		"quotactl", "quotactl_fd", "setdomainname", "sethostname", "setns", "statmount", "syslog", "umount2", "unshare",
	},
	"CAP_SYS_BOOT":       {"reboot"},
	"CAP_SYS_MODULE":     {"delete_module", "finit_module", "init_module"},
	"CAP_SYS_NICE":       {"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"},
	"CAP_SYS_PACCT":      {"acct"},
	"CAP_SYS_PTRACE":     {"kcmp", "pidfd_getfd", "process_madvise"},
	"CAP_SYS_RAWIO":      {"ioperm", "iopl"},
	"CAP_SYS_TIME":       {"clock_settime", "settimeofday"},
	"CAP_SYS_TTY_CONFIG": {"vhangup"},
}

// namespaceFlags are those of clone(2) that make namespaces.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// personalities are those that change nothing but what a program sees of itself.
var personalities = []uint64{0, 0x0008, 0x20000, 0x20008, 0xffffffff}

// Default is the profile of a container whose program may have these capabilities.
// It forbids what Docker's forbids.
//
// It is a list of what is allowed: a system call that did not exist yet when this
// program was built does not exist in a container either (ENOSYS), and programs
// know how to do without. Among those that did, the dangerous ones are named, and
// may not be used (EPERM).
func Default(capabilities []string) *specs.LinuxSeccomp {
	denied := deniedTo(capabilities)
	profile := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno, DefaultErrnoRet: errno(unix.ENOSYS), Architectures: []specs.Arch{nativeName},
	}
	if slices.Contains(denied, "clone3") {
		// Its flags are in memory, which a filter does not see. Where it does not
		// exist, libc uses clone.
		profile.Syscalls = append(profile.Syscalls, deny(unix.ENOSYS, "clone3"),
			allow("clone", specs.LinuxSeccompArg{Index: 0, Op: specs.OpMaskedEqual, Value: namespaceFlags}),
			deny(unix.EPERM, "clone"))
	}
	// The kernel reads 32 bits of a family, and a register has 64.
	for _, family := range []uint64{unix.AF_ALG, unix.AF_VSOCK} {
		rule := deny(unix.EPERM, "socket")
		rule.Args = []specs.LinuxSeccompArg{{Index: 0, Op: specs.OpMaskedEqual, Value: 0xffffffff, ValueTwo: family}}
		profile.Syscalls = append(profile.Syscalls, rule)
	}
	for _, value := range personalities {
		profile.Syscalls = append(profile.Syscalls, allow("personality", specs.LinuxSeccompArg{Index: 0, Op: specs.OpEqualTo, Value: value}))
	}
	profile.Syscalls = append(profile.Syscalls, deny(unix.EPERM, "personality"), deny(unix.EPERM, denied...))
	rest := specs.LinuxSyscall{Names: slices.AppendSeq(make([]string, 0, len(numbers())), maps.Keys(numbers())), Action: specs.ActAllow}
	slices.Sort(rest.Names)
	profile.Syscalls = append(profile.Syscalls, rest)
	return profile
}

// deniedTo are the locked system calls that none of the capabilities unlocks.
func deniedTo(capabilities []string) []string {
	var locked, open []string
	for capability, names := range unlocked {
		locked = append(locked, names...)
		if slices.Contains(capabilities, capability) {
			open = append(open, names...)
		}
	}
	slices.Sort(locked)
	return slices.DeleteFunc(slices.Compact(locked), func(name string) bool { return slices.Contains(open, name) })
}

func allow(name string, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: []string{name}, Action: specs.ActAllow, Args: args}
}

func deny(number unix.Errno, names ...string) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: names, Action: specs.ActErrno, ErrnoRet: errno(number)}
}

func errno(number unix.Errno) *uint {
	value := uint(number)
	return &value
}
