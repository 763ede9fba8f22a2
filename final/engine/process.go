package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process identifies a process for as long as this machine runs. A process id
// alone does not: it is given to another process some time after its owner has
// died.
type process struct {
	Pid       int       `json:"pid"`
	StartTime uint64    `json:"startTime"` // in clock ticks since boot, proc_pid_stat(5)
	BootID    string    `json:"bootID"`
	Started   time.Time `json:"started"`
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
	return process{Pid: pid, StartTime: start, BootID: boot, Started: time.Now().UTC()}, nil
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
	if fields[0] == "Z" || fields[0] == "X" {
		return 0, errNoProcess
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// kill ends the process and returns when it is gone, or errNoProcess if it was
// already. The pidfd is opened before the identity is checked, so it is this
// process or none that gets the signal (pidfd_open(2)).
func (p process) kill() error {
	if p.Pid <= 1 {
		return errNoProcess
	}
	handle, err := unix.PidfdOpen(p.Pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return errNoProcess
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", p.Pid, err)
	}
	defer unix.Close(handle)
	now, err := identify(p.Pid)
	if err != nil {
		return err
	}
	if now.StartTime != p.StartTime || now.BootID != p.BootID {
		return errNoProcess
	}
	if err := unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill process %d: %w", p.Pid, err)
	}
	return awaitEnd(handle, p.Pid)
}

// awaitEnd waits ten seconds for a process that has been killed.
func awaitEnd(handle, pid int) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		poll := []unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}
		count, err := unix.Poll(poll, int(time.Until(deadline).Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("wait for the end of process %d: %w", pid, err)
		case count == 1:
			return nil
		default:
			return fmt.Errorf("process %d does not end: it may hang in the kernel", pid)
		}
	}
}

func (e *Engine) statePath(id string) string { return filepath.Join(e.runFolder(id), "state.json") }

// readProcess returns the process of a container that runs, or errNoProcess.
func (e *Engine) readProcess(id string) (process, error) {
	var found process
	err := readJSON(e.statePath(id), &found)
	if errors.Is(err, fs.ErrNotExist) {
		return process{}, errNoProcess
	}
	return found, err
}

// killProcess ends the process of a container, if it has one.
func (e *Engine) killProcess(id string) error {
	found, err := e.readProcess(id)
	if err == nil {
		err = found.kill()
	}
	if errors.Is(err, errNoProcess) {
		return nil
	}
	return err
}
