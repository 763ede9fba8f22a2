// Package testbed lets tests of privileged programs leave the machine as it was.
//
// A test process that calls Main runs in a mount and a network namespace of its
// own, and fails if it leaves anything behind: mounts, links, addresses, rules,
// cgroups, processes or open files. Require says what a test needs of the
// machine, Build builds the program under test once, Command and Terminal run
// it with a deadline, and Eventually waits for a condition.
package testbed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inside is set in the environment of a test process that has its namespaces.
const inside = "TESTBED_INSIDE"

// Main runs the tests of a package and exits: with the tests' own status, or
// with 1 if they passed and something was left behind. Run as root, they run in
// namespaces of their own; as somebody else, most are skipped by Require.
func Main(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Geteuid() != 0 {
		return finish(m.Run())
	}
	if os.Getenv(inside) == "" {
		return reexec()
	}
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return 1
	}
	before, err := Take()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return 1
	}
	code := finish(m.Run())
	leaks, err := before.Leaks()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return 1
	}
	for _, leak := range leaks {
		fmt.Fprintln(os.Stderr, "testbed: left behind:", leak)
		code = max(code, 1)
	}
	return code
}

// finish removes what outlives single tests: the programs that Build has built.
func finish(code int) int {
	if err := removeBuilt(); err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return max(code, 1)
	}
	return code
}

// reexec runs this test binary once more, in new namespaces, and returns its
// exit status. A namespace cannot be left again by a process with threads, as
// every Go program is one, so the tests get it from birth.
func reexec() int {
	runtime.LockOSThread() // Pdeathsig goes off when the cloning thread ends
	tests := exec.Command("/proc/self/exe", os.Args[1:]...)
	tests.Args[0] = os.Args[0]
	tests.Env = append(os.Environ(), inside+"=1")
	tests.Stdin, tests.Stdout, tests.Stderr = os.Stdin, os.Stdout, os.Stderr
	tests.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := tests.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "testbed: start the tests in namespaces of their own:", err)
		return 1
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT) // `go test -timeout` sends SIGQUIT
	go func() {
		for received := range signals {
			_ = tests.Process.Signal(received) // it may just have ended
		}
	}()
	if err := tests.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		fmt.Fprintln(os.Stderr, "testbed: wait for the tests:", err)
		return 1
	}
	return exitCode(tests.ProcessState)
}

// prepare makes the new namespaces usable: mounts stay inside, 127.0.0.1
// answers, and orphans of the tests become our children, so that the audit
// finds them.
func prepare() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the subreaper: %w", err)
	}
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback: %w", err)
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return fmt.Errorf("set the loopback up: %w", err)
	}
	return nil
}
