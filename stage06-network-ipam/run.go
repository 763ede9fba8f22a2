package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Options is what the user asks of `run`.
type Options struct {
	Root          string // folder of images, layers and containers
	StorageDriver string // aufs, overlay, or "" for what the kernel has
	Interactive   bool   // the program reads our standard input, else /dev/null
	Terminal      bool   // standard input must be a terminal
	Detached      bool   // in the background, with a log
	Hostname      string // at most 64 bytes
	Limits        Limits
	Name          string   // of the container; "" for a random one
	Volumes       []Volume // in the order in which they are mounted
	Environment   []string // of the program
	Network       string   // "" for none
	Ports         []Port   // of the host, that lead to the container
	Image         string
	Command       []string

	begun func(name string) // called when the program has begun
}

// Run runs a program in a container and waits for it. It returns nil if the
// program exits with status 0, an *ExitError for any other end of it, and
// another error if the container could not be started; then nothing of it is
// left. What is left of one in the background is kept for `rm`.
func Run(options Options) (err error) {
	if options.Terminal && !isTerminal(os.Stdin) {
		return errors.New("standard input is not a terminal: leave -t out")
	}
	// The kernel sends Pdeathsig when the thread that cloned the child ends,
	// not the process (prctl(2)), so this goroutine keeps its thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := catchSignals()
	defer signals.stop()

	release, err := reservePorts(options.Ports)
	if err != nil {
		return err
	}
	defer release()
	cgroup, err := NewCgroup(options.Limits)
	if err != nil {
		return err
	}
	defer func() {
		if failed := cgroup.Remove(); failed != nil {
			err = failed
		}
	}()
	rootfs, err := NewRootfs(options)
	if err != nil {
		return err
	}
	container := &Container{options: options, rootfs: rootfs, cgroup: cgroup}
	defer func() {
		if failed := container.finish(err); failed != nil {
			err = failed
		}
	}()
	return container.run(signals)
}

// NewParentProcess returns the command that becomes the container: this program
// itself, as `init`, in namespaces of its own. It has nothing of anybody's
// environment, and as file descriptors 3 and 4 what to read its message from and
// where to say that it has failed.
func NewParentProcess(options Options, message, failures *os.File) *exec.Cmd {
	parent := exec.Command("/proc/self/exe", "init")
	parent.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS |
			syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
		Pdeathsig: syscall.SIGKILL,
		Setpgid:   true, // a signal for our process group is forwarded once, not delivered twice
	}
	parent.ExtraFiles = []*os.File{message, failures}
	parent.Env = []string{}
	parent.Stdout, parent.Stderr = os.Stdout, os.Stderr
	if options.Interactive {
		parent.Stdin = os.Stdin
		handOverTerminal(parent)
	}
	return parent
}

// wait waits for the end of a process and returns what exitOf says of it.
func wait(process *exec.Cmd) error {
	err := process.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("wait for process %d: %w", process.Process.Pid, err)
	}
	return exitOf(process.ProcessState)
}
