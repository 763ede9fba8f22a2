package seccomp_test

import (
	"math"
	"runtime"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/final/seccomp"
)

// under does probe on a thread that is filtered, and that ends with it.
func under(t *testing.T, profile *specs.LinuxSeccomp, probe func()) {
	t.Helper()
	filter, err := seccomp.Assemble(profile)
	require.NoError(t, err)
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		if err == nil {
			err = filter.Install()
		}
		if err == nil {
			probe()
		}
		done <- err
	}()
	require.NoError(t, <-done)
}

func call(number uintptr, arguments ...uintptr) unix.Errno {
	var all [6]uintptr
	copy(all[:], arguments)
	_, _, errno := unix.RawSyscall6(number, all[0], all[1], all[2], all[3], all[4], all[5])
	return errno
}

// The numbers are chosen such that the kernel, if it were asked, would say something
// else: there is no such file, flag or address.
func TestDefaultForbidsWhatIsDangerous(t *testing.T) {
	bad := ^uintptr(0)
	for name, test := range map[string]struct {
		number uintptr
		args   []uintptr
		want   unix.Errno
	}{
		"unshare":              {unix.SYS_UNSHARE, []uintptr{bad}, unix.EPERM},
		"mount":                {unix.SYS_MOUNT, []uintptr{bad, bad, bad}, unix.EPERM},
		"setns":                {unix.SYS_SETNS, []uintptr{bad}, unix.EPERM},
		"keyctl":               {unix.SYS_KEYCTL, []uintptr{bad}, unix.EPERM},
		"add_key":              {unix.SYS_ADD_KEY, []uintptr{bad}, unix.EPERM},
		"bpf":                  {unix.SYS_BPF, []uintptr{bad}, unix.EPERM},
		"userfaultfd":          {unix.SYS_USERFAULTFD, []uintptr{bad}, unix.EPERM},
		"io_uring_setup":       {unix.SYS_IO_URING_SETUP, nil, unix.EPERM},
		"kexec_load":           {unix.SYS_KEXEC_LOAD, []uintptr{0, bad, bad, bad}, unix.EPERM},
		"open_by_handle_at":    {unix.SYS_OPEN_BY_HANDLE_AT, []uintptr{bad}, unix.EPERM},
		"AF_VSOCK":             {unix.SYS_SOCKET, []uintptr{unix.AF_VSOCK, bad}, unix.EPERM},
		"AF_ALG":               {unix.SYS_SOCKET, []uintptr{unix.AF_ALG, bad}, unix.EPERM},
		"AF_ALG in disguise":   {unix.SYS_SOCKET, []uintptr{1<<32 | unix.AF_ALG, bad}, unix.EPERM},
		"another socket":       {unix.SYS_SOCKET, []uintptr{4711}, unix.EAFNOSUPPORT},
		"clone of a namespace": {unix.SYS_CLONE, []uintptr{unix.CLONE_NEWUSER}, unix.EPERM},
		"clone3":               {unix.SYS_CLONE3, []uintptr{bad, 0}, unix.ENOSYS},
		"personality":          {unix.SYS_PERSONALITY, []uintptr{0x0040000}, unix.EPERM},
		"same personality":     {unix.SYS_PERSONALITY, []uintptr{0xffffffff}, 0},
		"unknown call":         {9999, nil, unix.ENOSYS},
		"x32":                  {0x40000000 + 39, nil, unix.ENOSYS},
		"getpid":               {unix.SYS_GETPID, nil, 0},
	} {
		got := unix.Errno(0)
		under(t, seccomp.Default(nil), func() { got = call(test.number, test.args...) })
		require.Equal(t, test.want, got, name)
	}
}

func TestCapabilitiesUnlock(t *testing.T) {
	bad := ^uintptr(0)
	for capability, call3 := range map[string]uintptr{
		"CAP_SYS_ADMIN": unix.SYS_FSOPEN, "CAP_DAC_READ_SEARCH": unix.SYS_OPEN_BY_HANDLE_AT, "CAP_SYS_PTRACE": unix.SYS_PIDFD_GETFD,
		"CAP_SYS_TIME": unix.SYS_CLOCK_SETTIME, "CAP_SYS_NICE": unix.SYS_MBIND,
	} {
		var locked, open unix.Errno
		under(t, seccomp.Default([]string{"CAP_CHOWN"}), func() { locked = call(call3, bad, bad, bad, bad, bad, bad) })
		under(t, seccomp.Default([]string{capability}), func() { open = call(call3, bad, bad, bad, bad, bad, bad) })
		require.Equal(t, unix.EPERM, locked, capability)
		require.NotEqual(t, unix.EPERM, open, capability)
	}
	var got unix.Errno
	under(t, seccomp.Default([]string{"CAP_SYS_ADMIN"}), func() { got = call(unix.SYS_CLONE3, bad, 0) })
	require.Equal(t, unix.EINVAL, got)
}

// Each comparison, at the edges of both halves of an argument.
func TestComparisonsHaveAllBitsOfAnArgument(t *testing.T) {
	values := []uint64{0, 1, math.MaxUint32, 1 << 32, 1<<32 | 5, 5<<32 | 4, 5<<32 | 5, 5<<32 | 6, 6 << 32, math.MaxUint64}
	for operator, holds := range map[specs.LinuxSeccompOperator]func(got, value uint64) bool{
		specs.OpEqualTo:      func(got, value uint64) bool { return got == value },
		specs.OpNotEqual:     func(got, value uint64) bool { return got != value },
		specs.OpLessThan:     func(got, value uint64) bool { return got < value },
		specs.OpLessEqual:    func(got, value uint64) bool { return got <= value },
		specs.OpGreaterThan:  func(got, value uint64) bool { return got > value },
		specs.OpGreaterEqual: func(got, value uint64) bool { return got >= value },
		specs.OpMaskedEqual:  func(got, value uint64) bool { return got&0x5_0000_0005 == value&0x5_0000_0005 },
	} {
		for _, value := range values {
			argument := specs.LinuxSeccompArg{Index: 4, Op: operator, Value: value}
			if operator == specs.OpMaskedEqual {
				argument.Value, argument.ValueTwo = 0x5_0000_0005, value&0x5_0000_0005
			}
			marked := make([]bool, len(values))
			under(t, marking(argument), func() {
				for index, got := range values {
					marked[index] = call(unix.SYS_IOPRIO_GET, 99, 0, 0, 0, uintptr(got)) == mark
				}
			})
			for index, got := range values {
				require.Equal(t, holds(got, value), marked[index], "%x %s %x", got, operator, value)
			}
		}
	}
}

// mark is an error that the kernel itself never returns.
const mark = unix.Errno(777)

// marking allows all, but for one call, if the conditions hold.
func marking(conditions ...specs.LinuxSeccompArg) *specs.LinuxSeccomp {
	value := uint(mark)
	return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
		{Names: []string{"ioprio_get", "no_such_call"}, Action: specs.ActErrno, ErrnoRet: &value, Args: conditions},
	}}
}

func TestConditionsOfARuleMustAllHold(t *testing.T) {
	first := specs.LinuxSeccompArg{Index: 2, Op: specs.OpEqualTo, Value: 1}
	second := specs.LinuxSeccompArg{Index: 3, Op: specs.OpEqualTo, Value: 2}
	same := specs.LinuxSeccompArg{Index: 2, Op: specs.OpEqualTo, Value: 3}
	for name, test := range map[string]struct {
		profile *specs.LinuxSeccomp
		want    map[[2]uintptr]bool
	}{
		"both":          {marking(first, second), map[[2]uintptr]bool{{1, 2}: true, {1, 0}: false, {0, 2}: false}},
		"same argument": {marking(first, same), map[[2]uintptr]bool{{1, 0}: true, {3, 0}: true, {2, 0}: false}},
	} {
		for arguments, want := range test.want {
			got := false
			under(t, test.profile, func() { got = call(unix.SYS_IOPRIO_GET, 99, 0, arguments[0], arguments[1]) == mark })
			require.Equal(t, want, got, "%s %v", name, arguments)
		}
	}
}

func TestFirstRuleThatHoldsDecides(t *testing.T) {
	profile := marking()
	profile.Syscalls = append([]specs.LinuxSyscall{{Names: []string{"ioprio_get"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Index: 2, Op: specs.OpEqualTo, Value: 1}}}}, profile.Syscalls...)
	var first, second unix.Errno
	under(t, profile, func() { first, second = call(unix.SYS_IOPRIO_GET, 99, 0, 1), call(unix.SYS_IOPRIO_GET, 99, 0, 2) })
	require.Equal(t, unix.EINVAL, first)
	require.Equal(t, mark, second)
}

func TestProfileThatCannotBeDoneIsRefused(t *testing.T) {
	one := func(syscall specs.LinuxSyscall) *specs.LinuxSeccomp {
		syscall.Names = []string{"getpid"}
		return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{syscall}}
	}
	for name, profile := range map[string]*specs.LinuxSeccomp{
		"no action":          {},
		"notification":       one(specs.LinuxSyscall{Action: specs.ActNotify}),
		"listener":           {DefaultAction: specs.ActAllow, ListenerPath: "/x"},
		"other architecture": {DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchS390X}},
		"flag":               {DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagWaitKillableRecv}},
		"argument":           one(specs.LinuxSyscall{Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Index: 6, Op: specs.OpEqualTo}}}),
		"comparison":         one(specs.LinuxSyscall{Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Op: "SCMP_CMP_NOSUCH"}}}),
	} {
		_, err := seccomp.Assemble(profile)
		require.ErrorContains(t, err, "filter system calls", name)
	}
}

// Every system call has a span of its own, so that jumps are as long as they get.
func TestLongProfileIsAssembled(t *testing.T) {
	value := uint(mark)
	profile := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	for _, entry := range seccomp.Default(nil).Syscalls {
		for index, name := range entry.Names {
			if index%2 == 0 && name != "futex" && name != "prctl" {
				profile.Syscalls = append(profile.Syscalls, specs.LinuxSyscall{Names: []string{name}, Action: specs.ActErrno, ErrnoRet: &value,
					Args: []specs.LinuxSeccompArg{{Index: 5, Op: specs.OpEqualTo, Value: 0x1234567812345678}}})
			}
		}
	}
	var marked, unmarked unix.Errno
	under(t, profile, func() {
		for _, number := range []uintptr{unix.SYS_IOPRIO_GET, unix.SYS_IOPRIO_SET} {
			marked = max(marked, call(number, 99, 0, 0, 0, 0, 0x1234567812345678))
			unmarked = max(unmarked, call(number, 99, 0, 0, 0, 0, 1))
		}
	})
	require.Equal(t, mark, marked)
	require.Equal(t, unix.EINVAL, unmarked)
}

func BenchmarkAssembleDefault(b *testing.B) {
	for b.Loop() {
		filter, err := seccomp.Assemble(seccomp.Default(nil))
		require.NoError(b, err)
		b.ReportMetric(float64(len(filter.Code)/8), "instructions")
	}
}
