package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a process that can be recognised. Its number alone does not do: when
// it has ended, the kernel gives the number to another one.
type Process struct {
	PID       int
	StartTime uint64 // when it started, in clock ticks since the machine did
}

var errEnded = errors.New("the process has ended")

// processOf returns the process that has the number pid now.
func processOf(pid int) (Process, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return Process{}, errEnded
	}
	if err != nil {
		return Process{}, fmt.Errorf("look at process %d: %w", pid, err)
	}
	started, err := parseStartTime(string(content))
	if err != nil {
		return Process{}, fmt.Errorf("look at process %d: %w", pid, err)
	}
	return Process{PID: pid, StartTime: started}, nil
}

// parseStartTime returns field 22 of /proc/PID/stat. Field 2, the name of the
// program, may itself hold spaces and parentheses, so the fields are counted from
// the last `)` (proc_pid_stat(5)). A line without that field, or with no number in it,
// is an error.
//
//learn:exercise
func parseStartTime(stat string) (uint64, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0, errors.New("it has no start time")
	}
	return strconv.ParseUint(fields[19], 10, 64) // the first of these is field 3
}

// open returns a descriptor that stands for this one process whatever becomes of its
// number (pidfd_open(2)), or errEnded. The look at the start time comes after the
// opening: if the number still means this process then, it did when it was opened.
func (p Process) open() (*os.File, error) {
	descriptor, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil, errEnded
	}
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", p.PID, err)
	}
	process := os.NewFile(uintptr(descriptor), "process "+strconv.Itoa(p.PID))
	now, err := processOf(p.PID)
	if err == nil && now != p {
		err = errEnded
	}
	if err == nil && hasEnded(process, 0) { // a zombie still has its number
		err = errEnded
	}
	if err != nil {
		process.Close()
		return nil, err
	}
	return process, nil
}

// alive reports whether the process has not ended.
func (p Process) alive() (bool, error) {
	process, err := p.open()
	if errors.Is(err, errEnded) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	process.Close()
	return true, nil
}

// hasEnded waits until the open process ends, but not longer than patience, and
// reports whether it has. The kernel makes its descriptor readable then.
func hasEnded(process *os.File, patience time.Duration) bool {
	deadline := time.Now().Add(patience)
	for {
		rest := max(time.Until(deadline), 0)
		// Rounded up: it is not to wake too early, and then again and again.
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(process.Fd()), Events: unix.POLLIN}}, int((rest+time.Millisecond-1)/time.Millisecond))
		if !errors.Is(err, unix.EINTR) {
			return ready > 0
		}
	}
}
