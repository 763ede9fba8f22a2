package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/sirupsen/logrus"
)

// Options is what the user asks of `run`.
type Options struct {
	Interactive bool   // the program reads our standard input, else /dev/null
	Terminal    bool   // standard input must be a terminal
	Hostname    string // at most 64 bytes
	Command     []string
}

// Run runs a program in a container and waits for it. It returns nil if the
// program exits with status 0, an *ExitError for any other end of it, and
// another error if the container could not be started; then nothing of it is
// left.
func Run(options Options) error {
	if options.Terminal && !isTerminal(os.Stdin) {
		return errors.New("standard input is not a terminal: leave -t out")
	}
	// The kernel sends Pdeathsig when the thread that cloned the child ends,
	// not the process (prctl(2)), so this goroutine keeps its thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := catchSignals()
	defer signals.stop()

	if err := signals.unlessSent(); err != nil {
		return err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the pipe to init: %w", err)
	}
	defer writer.Close()
	parent := NewParentProcess(options, reader)
	err = parent.Start()
	reader.Close() // init's end; ours would keep the pipe open after init's death
	if err != nil {
		return fmt.Errorf("start init in new namespaces: %w", err)
	}
	defer takeBackTerminal(parent)
	signals.forwardTo(parent.Process)
	return supervise(parent, writer, options)
}

// NewParentProcess returns the command that becomes the container, not started yet:
// this program itself (/proc/self/exe), with the argument init, in new UTS, PID, mount,
// network and IPC namespaces. It is killed when we die, and is a process group of its
// own. Of our open files it has standard output and error, and pipe as file descriptor
// 3. Its environment is this, and nothing of ours:
//
//	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
//	HOME=/root
//
// If options are interactive, it has our standard input too, and at last
// handOverTerminal is called for it, which writes to its SysProcAttr and its Env.
//
//learn:exercise
func NewParentProcess(options Options, pipe *os.File) *exec.Cmd {
	parent := exec.Command("/proc/self/exe", "init")
	parent.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS |
			syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
		Pdeathsig: syscall.SIGKILL,
		Setpgid:   true, // a signal for our process group is forwarded once, not delivered twice
	}
	parent.ExtraFiles = []*os.File{pipe}
	parent.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	parent.Stdout, parent.Stderr = os.Stdout, os.Stderr
	if options.Interactive {
		parent.Stdin = os.Stdin
		handOverTerminal(parent)
	}
	return parent
}

// supervise tells init what to run and waits for the container's end.
func supervise(parent *exec.Cmd, pipe *os.File, options Options) error {
	logrus.Debugf("run: init is process %d, in new UTS, PID, mount, network and IPC namespaces", parent.Process.Pid)
	sent := sendMessage(pipe, Message{
		Hostname: options.Hostname,
		Command:  options.Command,
		Debug:    logrus.IsLevelEnabled(logrus.DebugLevel),
	})
	pipe.Close()
	logrus.Debugf("run: sent %q through the pipe", options.Command)

	err := parent.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("wait for the container: %w", err)
	}
	if exit := exitOf(parent.ProcessState); exit != nil {
		return exit
	}
	return sent
}
