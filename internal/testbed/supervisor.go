package testbed

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// namespaces are those of a test process. With them a program under test that
// forgets its own cannot rename the machine or cover its /proc.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

// supervise runs this test binary once more, in new namespaces, and returns its
// exit status. A process with threads, as every Go program is one, cannot enter
// a new mount namespace as a whole, so the tests get theirs from birth.
//
// The supervisor is to the tests what init is to a machine: orphans become its
// children (PR_SET_CHILD_SUBREAPER(2const)), are reaped when they end, and are
// killed when the tests have ended, even if those were killed themselves.
func supervise() int {
	remove, err := makeShared()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return 1
	}
	status, err := superviseTests()
	if err == nil {
		err = endRest()
	}
	// Nobody is left who could have anything mounted there.
	err = errors.Join(err, remove())
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return 1
	}
	if status.Signaled() {
		fmt.Fprintln(os.Stderr, "testbed: the tests were ended by a signal:", status.Signal())
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

func superviseTests() (status syscall.WaitStatus, err error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("become the subreaper: %w", err)
	}
	// `go test` sends SIGQUIT when its timeout is over.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	runtime.LockOSThread() // Pdeathsig goes off when the thread that forked ends
	tests, err := syscall.ForkExec("/proc/self/exe", os.Args, &syscall.ProcAttr{
		Env:   append(os.Environ(), fmt.Sprintf("%s=%d %s", inside, os.Getpid(), shared)),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 0, fmt.Errorf("start the tests in namespaces of their own: %w", err)
	}
	go func() {
		for received := range signals {
			// They may just have ended; their number is not given to
			// another process before wait has returned, which ends us.
			_ = syscall.Kill(tests, received.(syscall.Signal))
		}
	}()
	for {
		ended, err := wait(&status)
		if ended == tests || err != nil {
			return status, err
		}
	}
}

// endRest kills and reaps all our descendants.
func endRest() error {
	for {
		parents, err := parentsOfAll()
		if err != nil {
			return err
		}
		for pid := range parents {
			if descends(pid, os.Getpid(), parents) {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may just have ended
			}
		}
		var status syscall.WaitStatus
		if _, err := wait(&status); errors.Is(err, unix.ECHILD) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// wait reaps one child.
func wait(status *syscall.WaitStatus) (pid int, err error) {
	for {
		pid, err = syscall.Wait4(-1, status, 0, nil)
		if !errors.Is(err, unix.EINTR) {
			return pid, os.NewSyscallError("wait4", err)
		}
	}
}
