package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/final/seccomp"
	"mytinydocker/internal/testbed"
)

// The variables that have a test process become another program that may do less: without
// a capability, or with system calls that fail as if the kernel had none (ENOSYS), or as
// if it was forbidden (EPERM).
const (
	withoutCapability = "WITHOUT_CAPABILITY"
	withoutCalls      = "WITHOUT_CALLS"
	callsFailWith     = "CALLS_FAIL_WITH"
)

// Initialization runs on the first thread, which the program is executed by.
func init() {
	if os.Getenv(withoutCapability) == "" && os.Getenv(withoutCalls) == "" {
		return
	}
	err := giveUp()
	if err == nil {
		err = syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "execute with less rights:", err)
	os.Exit(1)
}

func giveUp() error {
	if text := os.Getenv(withoutCapability); text != "" {
		number, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		return unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(number), 0, 0, 0)
	}
	number, err := strconv.ParseUint(os.Getenv(callsFailWith), 10, 16)
	if err != nil {
		return err
	}
	failure := uint(number)
	filter, err := seccomp.Assemble(&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{
		Names: strings.Split(os.Getenv(withoutCalls), " "), Action: specs.ActErrno, ErrnoRet: &failure,
	}}})
	if err != nil {
		return err
	}
	return filter.Install()
}

// with runs the tool with less rights.
func (h *host) with(variables []string, args ...string) testbed.Result {
	h.t.Helper()
	command := h.command(args...)
	command.Path, command.Args, command.Env = "/proc/self/exe", append([]string{command.Path}, command.Args...), append(command.Env, variables...)
	return command.Run(h.t)
}

// A tool in a container, or under a filter of system calls of somebody else, works or says
// in one line what it lacks, and leaves nothing.
func TestToolWithFewRights(t *testing.T) {
	machine := soundHost(t)
	machine.ok("run", "--rm", "base", "true")
	for name, limits := range map[string][]string{
		"no administrator": {withoutCapability + "=" + strconv.Itoa(unix.CAP_SYS_ADMIN)},
		"no networks":      {withoutCapability + "=" + strconv.Itoa(unix.CAP_NET_ADMIN)},
		"old kernel":       {withoutCalls + "=clone3 openat2 close_range", callsFailWith + "=" + strconv.Itoa(int(unix.ENOSYS))},
		"old filter":       {withoutCalls + "=openat2 close_range", callsFailWith + "=" + strconv.Itoa(int(unix.EPERM))},
		"no mounts":        {withoutCalls + "=mount fsopen fsmount open_tree", callsFailWith + "=" + strconv.Itoa(int(unix.EPERM))},
		"no namespaces":    {withoutCalls + "=unshare setns", callsFailWith + "=" + strconv.Itoa(int(unix.EPERM))},
	} {
		t.Run(name, func(t *testing.T) {
			host := machine.as(t)
			for _, args := range [][]string{
				{"run", "--rm", "base", "echo", "hello"}, {"run", "-d", "--name", "new", "base", "sleep", "1000"}, {"ps", "-a"},
			} {
				result := host.with(limits, args...)
				require.NotContains(t, result.Stderr, "goroutine")
				if result.Code != 0 {
					requireOneLine(t, result.Stderr)
				}
				host.tinydocker("rm", "-f", "new")
				require.Equal(t, 1, strings.Count(host.ok("ps", "-aq"), "\n")+1, "nothing is left")
			}
		})
	}
	machine.requireOthersWork()
	machine.requireSound()
}

// A container's root is a file system of its own, in which programs are executed all the
// same. What is in a volume is where it is.
func TestStateWhereNothingIsExecuted(t *testing.T) {
	folder := filepath.Join(testbed.StateRoot(t), "noexec")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, unix.Mount("tmpfs", folder, "tmpfs", unix.MS_NOEXEC|unix.MS_NOSUID|unix.MS_NODEV, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(folder, 0)) })
	host := &host{t: t, root: folder + "/lib", run: folder + "/run"}
	t.Setenv("TMPDIR", folder)
	copied := "mkdir /mine; cp /bin/echo /mine; cp /bin/echo /d; /mine/echo hello; /d/echo to you"

	result := host.tinydocker("run", "--name", "work", "--network", "none", "-v", "data:/d", "base", "sh", "-c", copied)

	require.Equal(t, "hello\n", result.Stdout)
	require.Contains(t, result.Stderr, "/d/echo: permission denied")
	require.Equal(t, 126, result.Code)
	host.ok("rm", "-v", "work")
	host.ok("volume", "rm", "data")
	host.requireSound()
}
