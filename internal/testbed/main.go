// Package testbed lets tests of privileged programs leave the machine as it was.
//
// A test process that calls Main runs in namespaces of its own, and fails if it
// leaves anything behind: mounts, links, addresses, rules, cgroups, processes or
// open files. Require says what a test needs of the machine, Build builds the
// program under test once, Command and Terminal run it with a deadline, and
// Eventually waits for a condition.
package testbed

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// shared is the folder that holds what the tests put on disk. Main makes it and
// removes it, whatever becomes of the tests.
var shared string

// Main runs the tests of a package and exits: with the tests' own status, or
// with 1 if they passed and something was left behind.
//
// Run as root, they run in mount, network, IPC and UTS namespaces of their own,
// under a supervisor that ends whatever outlives them. As somebody else, most
// are skipped by Require.
func Main(m *testing.M) {
	if folder, ok := insideOf(); ok {
		shared = folder
		os.Exit(audited(m.Run))
	}
	if os.Geteuid() == 0 {
		// Past os.Exit: it would have the coverage runtime complain that
		// this process, which has run no test, has nowhere to report to.
		syscall.Exit(supervise())
	}
	os.Exit(alone(m.Run))
}

// inside is set in the environment of a test process that has its namespaces, to
// the pid of its supervisor and the shared folder.
const inside = "TESTBED_INSIDE"

// insideOf returns the shared folder if this process is the child of a
// supervisor. Nothing that it starts itself will take itself for one.
func insideOf() (folder string, ok bool) {
	supervisor, folder, _ := strings.Cut(os.Getenv(inside), " ")
	_ = os.Unsetenv(inside) // fails for names that no variable can have
	return folder, supervisor == strconv.Itoa(os.Getppid()) && folder != ""
}

// audited runs the tests and looks for what they have left.
func audited(tests func() int) int {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return 1
	}
	before, err := Take()
	if err == nil {
		err = noteForeignCgroups()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return 1
	}
	code := tests()
	leaks, err := before.Leaks()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return max(code, 1)
	}
	for _, leak := range leaks {
		fmt.Fprintln(os.Stderr, "testbed: left behind:", leak)
		code = max(code, 1)
	}
	return code
}

// prepare makes the new namespaces usable: mounts stay inside, and 127.0.0.1
// answers.
func prepare() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
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

// alone runs the tests without namespaces, without a supervisor, without an audit.
func alone(tests func() int) int {
	remove, err := makeShared()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return 1
	}
	code := tests()
	if err := remove(); err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return max(code, 1)
	}
	return code
}

// makeShared makes the shared folder. Others may pass through it: a container's
// user is not always root.
func makeShared() (remove func() error, err error) {
	if strings.ContainsAny(os.TempDir(), ":,= \\") {
		return nil, fmt.Errorf("mount options cannot name TMPDIR %q: set it to a plain path", os.TempDir())
	}
	shared, err = os.MkdirTemp("", "tb")
	if err != nil {
		return nil, err
	}
	return func() error { return os.RemoveAll(shared) }, os.Chmod(shared, 0o711)
}
