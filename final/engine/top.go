package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a process of a container, with the numbers that it has on this machine.
type Process struct {
	UID     uint32
	Pid     int
	Parent  int
	Started time.Time
	TTY     string
	CPUTime time.Duration
	Command string
}

// ticks is how many clock ticks a second has in /proc, on every machine that Linux
// runs on (proc_pid_stat(5), sysconf(3)).
const ticks = 100

// Processes returns the processes of a container that runs.
func (e *Engine) Processes(name string) ([]Process, error) {
	container, group, err := e.runningGroup(name)
	if err != nil {
		return nil, err
	}
	pids, err := group.Pids()
	if err != nil {
		return nil, e.orEnded(container, fmt.Errorf("list the processes of the container %s: %w", name, err))
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return nil, fmt.Errorf("ask how long the machine runs: %w", err)
	}
	boot := time.Now().Add(-time.Duration(now.Nano()))
	var processes []Process
	for _, pid := range pids {
		process, err := readProcess(pid, boot)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has just ended
		}
		if err != nil {
			return nil, fmt.Errorf("look at process %d: %w", pid, err)
		}
		processes = append(processes, process)
	}
	return processes, nil
}

// readProcess reads what /proc says of a process.
func readProcess(pid int, boot time.Time) (Process, error) {
	folder := fmt.Sprintf("/proc/%d", pid)
	info, err := os.Stat(folder)
	if err != nil {
		return Process{}, err
	}
	stat, err := os.ReadFile(folder + "/stat")
	if err != nil {
		return Process{}, err
	}
	process, err := parseProcess(stat, boot)
	if err != nil {
		return Process{}, err
	}
	process.Pid, process.UID = pid, info.Sys().(*syscall.Stat_t).Uid
	command, err := os.ReadFile(folder + "/cmdline")
	if err != nil {
		return Process{}, err
	}
	if words := strings.TrimRight(string(command), "\x00"); words != "" {
		process.Command = strings.ReplaceAll(words, "\x00", " ")
	}
	return process, nil
}

// parseProcess parses /proc/PID/stat. Fields are counted from behind the name, which
// is in parentheses and may itself hold some.
func parseProcess(stat []byte, boot time.Time) (Process, error) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return Process{}, errors.New("its status has no name")
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 20 {
		return Process{}, fmt.Errorf("its status has %d fields", len(fields))
	}
	var numbers [4]int64
	for index, field := range []int{1, 11, 12, 19} { // parent, user and system time, start
		var err error
		if numbers[index], err = strconv.ParseInt(fields[field], 10, 64); err != nil {
			return Process{}, fmt.Errorf("its status has the field %q", fields[field])
		}
	}
	device, err := strconv.ParseInt(fields[4], 10, 64)
	if err != nil {
		return Process{}, fmt.Errorf("its status has the terminal %q", fields[4])
	}
	return Process{
		Parent: int(numbers[0]), TTY: terminalName(uint64(device)), Command: "[" + string(stat[open+1:end]) + "]",
		CPUTime: time.Duration(numbers[1]+numbers[2]) * time.Second / ticks,
		Started: boot.Add(time.Duration(numbers[3]) * time.Second / ticks),
	}, nil
}

func terminalName(device uint64) string {
	const unix98 = 136 // the first of the major numbers of pts, tty(4)
	if major := unix.Major(device); major >= unix98 && major < unix98+8 {
		return fmt.Sprintf("pts/%d", unix.Minor(device)+(major-unix98)<<20)
	}
	return "?"
}
