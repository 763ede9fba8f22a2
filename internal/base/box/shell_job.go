package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
)

// jobs are the programs that run in process groups of their own on a terminal:
// the one in the foreground, to which Ctrl-C and Ctrl-Z go, and those that have
// been stopped or sent to the background.
type jobs struct {
	terminal *os.File
	reaper   *reaper
	stopped  []job
}

type job struct {
	pid  int
	text string
}

// isFile reports whether all of a program's standard files are files: then no
// part of us has to stay and copy for it, and it can be stopped and forgotten.
func isFile(streams ...any) bool {
	for _, stream := range streams {
		if _, ok := stream.(*os.File); !ok {
			return false
		}
	}
	return true
}

// run starts a program in the foreground and waits until it ends or stops.
func (j *jobs) run(program *exec.Cmd) (int, error) {
	program.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: int(j.terminal.Fd())}
	if err := j.reaper.start(program); err != nil {
		return 0, err
	}
	return j.wait(job{program.Process.Pid, strings.Join(program.Args, " ")})
}

// wait waits for the job in the foreground, and takes the terminal back.
func (j *jobs) wait(current job) (int, error) {
	defer j.foreground(unix.Getpgrp())
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(current.pid, &status, unix.WUNTRACED, nil)
		if !errors.Is(err, unix.EINTR) {
			if err != nil {
				return 0, err
			}
			break
		}
	}
	if !status.Stopped() {
		j.reaper.done(current.pid)
	}
	switch {
	case status.Stopped():
		j.stopped = append(j.stopped, current)
		fmt.Fprintf(os.Stderr, "\n[%d]+ Stopped  %s\n", len(j.stopped), current.text)
		return 128 + int(status.StopSignal()), nil
	case status.Signaled():
		return 128 + int(status.Signal()), nil
	default:
		return status.ExitStatus(), nil
	}
}

// foreground gives the terminal to a process group.
func (j *jobs) foreground(group int) {
	// As a background process we would be stopped for it.
	signal.Ignore(unix.SIGTTOU)
	defer signal.Reset(unix.SIGTTOU)
	// It fails only where the terminal has gone.
	_ = unix.IoctlSetPointerInt(int(j.terminal.Fd()), unix.TIOCSPGRP, group)
}

// command is `jobs`, `fg [N]` or `bg [N]`.
func (j *jobs) command(args []string, stderr io.Writer) error {
	if args[0] == "jobs" {
		for number, stopped := range j.stopped {
			fmt.Fprintf(os.Stdout, "[%d]  Stopped  %s\n", number+1, stopped.text)
		}
		return nil
	}
	number := len(j.stopped)
	if len(args) > 1 {
		number, _ = strconv.Atoi(strings.TrimPrefix(args[1], "%"))
	}
	if number < 1 || number > len(j.stopped) {
		fmt.Fprintf(stderr, "sh: %s: no such job\n", args[0])
		return interp.ExitStatus(1)
	}
	current := j.stopped[number-1]
	j.stopped = append(j.stopped[:number-1], j.stopped[number:]...)
	fmt.Fprintln(os.Stdout, current.text)
	if args[0] == "fg" {
		j.foreground(current.pid)
	}
	if err := unix.Kill(-current.pid, unix.SIGCONT); err != nil || args[0] == "bg" {
		return err
	}
	status, err := j.wait(current)
	if err == nil && status != 0 {
		return interp.ExitStatus(uint8(status))
	}
	return err
}

// reaper waits for the orphans that become children of PID 1, and leaves our own
// children to those who have started them.
type reaper struct {
	mutex sync.Mutex
	own   map[int]bool
}

// newReaper returns a reaper that is at work if we are PID 1.
func newReaper() *reaper {
	r := &reaper{own: make(map[int]bool)}
	if os.Getpid() == 1 {
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, unix.SIGCHLD)
		go func() {
			for range ended {
				r.reap()
			}
		}()
	}
	return r
}

// start starts a program of our own.
func (r *reaper) start(program *exec.Cmd) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	err := program.Start()
	if err == nil {
		r.own[program.Process.Pid] = true
	}
	return err
}

// done says that a program of our own has been waited for.
func (r *reaper) done(pid int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.own, pid)
}

// reap waits for all zombies that are children of ours and not our own.
func (r *reaper) reap() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || r.own[pid] {
			continue
		}
		// State and parent follow the name, see proc_pid_stat(5).
		if fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:])); fields[0] == "Z" && fields[1] == "1" {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
}
