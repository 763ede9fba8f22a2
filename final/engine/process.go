package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mytinydocker/final/runtime"
)

// process identifies a process for as long as this machine runs. A process id
// alone does not: it is given to another process some time after its owner has
// died.
type process struct {
	Pid       int    `json:"pid"`
	StartTime uint64 `json:"startTime"` // in clock ticks since boot, proc_pid_stat(5)
	BootID    string `json:"bootID"`
}

// errNoProcess means that the process has ended.
var errNoProcess = errors.New("the process has ended")

// identify returns the identity of the process that now has the number pid.
func identify(pid int) (process, error) {
	start, err := startTime(pid)
	if err != nil {
		return process{}, err
	}
	boot, err := bootID()
	if err != nil {
		return process{}, err
	}
	return process{Pid: pid, StartTime: start, BootID: boot}, nil
}

func bootID() (string, error) {
	content, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(content)), err
}

// startTime returns field 22 of /proc/PID/stat. The fields are counted from
// behind the name, which is in parentheses and may itself hold some.
func startTime(pid int) (uint64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return 0, errNoProcess
	}
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	if len(fields) < 20 {
		return 0, fmt.Errorf("read the start time of process %d: %d fields", pid, len(fields))
	}
	// The first thread may have ended before others: they are the process then.
	if threads := fields[17]; fields[0] == "X" || fields[0] == "Z" && (threads == "0" || threads == "1") {
		return 0, errNoProcess
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// open returns a pidfd of the process, or errNoProcess if it has ended. The pidfd
// is opened before the identity is checked, so it is this process's or nobody's.
func (p process) open() (handle int, err error) {
	if p.Pid <= 1 {
		return 0, errNoProcess
	}
	handle, err = unix.PidfdOpen(p.Pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return 0, errNoProcess
	}
	if err != nil {
		return 0, fmt.Errorf("open process %d: %w", p.Pid, err)
	}
	now, err := identify(p.Pid)
	if err == nil && (now.StartTime != p.StartTime || now.BootID != p.BootID) {
		err = errNoProcess
	}
	if err != nil {
		unix.Close(handle)
		return 0, err
	}
	return handle, nil
}

// lives reports whether the process has not begun to end. One that ends gives its root
// back, and its cgroup, some time before it has ended. Its first thread may do so long
// before the others.
func (p process) lives() (bool, error) {
	handle, err := p.open()
	if errors.Is(err, errNoProcess) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(handle)
	if hasRoot(p.folder()) {
		return true, nil
	}
	threads, err := filepath.Glob(p.folder() + "/task/*")
	return slices.ContainsFunc(threads, hasRoot), err
}

// folder is where the kernel tells of the process; much of it is about its first thread.
func (p process) folder() string { return fmt.Sprintf("/proc/%d", p.Pid) }

func hasRoot(folder string) bool {
	_, err := os.Readlink(folder + "/root")
	return !errors.Is(err, fs.ErrNotExist)
}

// hasBecomeProgram reports whether the process has become another program than our init:
// then all is done that init does. One that ends has no command line any more.
func (p process) hasBecomeProgram() bool {
	line, err := os.ReadFile(p.folder() + "/cmdline")
	if err != nil || len(line) == 0 {
		return false
	}
	words := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
	_, ours := runtime.Roles[words[len(words)-1]]
	return !ours
}

// signal sends a signal to the process, or returns errNoProcess if it has ended.
func (p process) signal(signal syscall.Signal) error {
	handle, err := p.open()
	if err != nil {
		return err
	}
	defer unix.Close(handle)
	return sendSignal(handle, p.Pid, signal)
}

func sendSignal(handle, pid int, signal syscall.Signal) error {
	err := unix.PidfdSendSignal(handle, signal, nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return errNoProcess
	}
	if err != nil {
		return fmt.Errorf("send %s to process %d: %w", unix.SignalName(signal), pid, err)
	}
	return nil
}

// kill ends the process and returns when it is gone, or errNoProcess if it was
// already.
func (p process) kill() error {
	handle, err := p.open()
	if err != nil {
		return err
	}
	defer unix.Close(handle)
	if err := sendSignal(handle, p.Pid, unix.SIGKILL); err != nil && !errors.Is(err, errNoProcess) {
		return err
	}
	return awaitEnd(handle, p.Pid)
}

// awaitEnd waits ten seconds for a process that has been killed.
func awaitEnd(handle, pid int) error {
	err := awaitReadable(handle, 10*time.Second)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("process %d does not end: it may hang in the kernel", pid)
	}
	if err != nil {
		return fmt.Errorf("wait for the end of process %d: %w", pid, err)
	}
	return nil
}

// awaitReadable waits until there is something to read from a file: from a pidfd,
// that its process has ended (pidfd_open(2)). A negative limit is none; after any
// other the error is os.ErrDeadlineExceeded.
func awaitReadable(descriptor int, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		left := -1
		if limit >= 0 {
			left = int(max(0, time.Until(deadline).Milliseconds()))
		}
		poll := []unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}
		count, err := unix.Poll(poll, left)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case count == 1:
			return nil
		default:
			return os.ErrDeadlineExceeded
		}
	}
}
