package runtime

import (
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// InitRole is the first argument of this program in its role as init.
const InitRole = "init"

// Container is a container whose program has been started.
type Container struct {
	// Console is the master of the container's terminal, or nil if its
	// process has none.
	Console *os.File
	// Stdin, Stdout and Stderr are our ends of the pipes that a process
	// without a terminal has. Stdin is nil unless it was asked for.
	Stdin          io.WriteCloser
	Stdout, Stderr io.ReadCloser

	init *exec.Cmd
}

// Options are what a specification does not say.
type Options struct {
	// Stdin asks for a pipe to the program's standard input; without it, that
	// is /dev/null.
	Stdin bool
	// Started is called when init exists, with its process id, and before it
	// is told anything. If it returns an error, the container is not started.
	Started func(pid int) error
}

// Start starts a container and returns when its program runs. The error is a
// *StartError if the container's own set-up failed; in any case nothing of it
// is left. A specification that asks for something this package does not do is
// refused.
//
// The kernel kills the container when the calling thread ends (prctl(2),
// PR_SET_PDEATHSIG), so the caller locks its goroutine to its thread before the
// call and until Wait has returned.
func Start(spec *specs.Spec, options Options) (*Container, error) {
	if err := validate(spec); err != nil {
		return nil, err
	}
	conn, inits, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	self, err := openSelf()
	if err != nil {
		inits.Close()
		return nil, err
	}
	defer self.Close()
	container := &Container{init: initCommand(spec, self, inits)}
	err = container.clone(spec, options)
	inits.Close()
	if err != nil {
		return nil, err
	}
	if err := options.Started(container.Pid()); err != nil {
		container.abandon()
		return nil, err
	}
	sent := sendRequest(conn, request{Spec: *spec, Stdin: options.Stdin})
	console, err := receiveReports(conn)
	container.Console = console
	if err == nil {
		err = sent
	}
	if err != nil {
		container.abandon()
		return nil, err
	}
	return container, nil
}

// initCommand returns init in the namespaces of spec. Its environment is empty:
// what the container is to have travels in the request, and reaches only the
// program.
func initCommand(spec *specs.Spec, self, inits *os.File) *exec.Cmd {
	init := exec.Command(pathOfFile(self), InitRole) //nolint:forbidigo // it is ourselves
	init.Args[0] = "tinydocker"
	init.Env = []string{}
	init.ExtraFiles = []*os.File{inits}
	init.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: cloneFlags(spec),
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true, // away from our terminal, and able to take one of its own
	}
	return init
}

var namespaceFlags = map[specs.LinuxNamespaceType]uintptr{
	specs.MountNamespace:   unix.CLONE_NEWNS,
	specs.PIDNamespace:     unix.CLONE_NEWPID,
	specs.UTSNamespace:     unix.CLONE_NEWUTS,
	specs.IPCNamespace:     unix.CLONE_NEWIPC,
	specs.NetworkNamespace: unix.CLONE_NEWNET,
	specs.CgroupNamespace:  unix.CLONE_NEWCGROUP,
}

func cloneFlags(spec *specs.Spec) uintptr {
	var flags uintptr
	for _, namespace := range spec.Linux.Namespaces {
		flags |= namespaceFlags[namespace.Type]
	}
	return flags
}

// clone starts init with the pipes that its program will have.
func (c *Container) clone(spec *specs.Spec, options Options) error {
	if !spec.Process.Terminal {
		if err := c.pipes(options.Stdin); err != nil {
			return fmt.Errorf("make the container's pipes: %w", err)
		}
	}
	// Files that our caller left open would be open in init as well, and in
	// the instant before it closes them, reachable through /proc/1/fd.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("mark our open files close-on-exec: %w", err)
	}
	if err := c.init.Start(); err != nil {
		return fmt.Errorf("start init in new namespaces: %w", err)
	}
	return nil
}

func (c *Container) pipes(stdin bool) (err error) {
	if stdin {
		if c.Stdin, err = c.init.StdinPipe(); err != nil {
			return err
		}
	}
	if c.Stdout, err = c.init.StdoutPipe(); err != nil {
		return err
	}
	c.Stderr, err = c.init.StderrPipe()
	return err
}

// Pid returns the process id of the container's first process.
func (c *Container) Pid() int { return c.init.Process.Pid }

// Signal sends a signal to the container's first process.
func (c *Container) Signal(signal os.Signal) error { return c.init.Process.Signal(signal) }

// Wait waits for the container's end and returns its exit status, which is 128+n
// if signal n ended its first process. Stdout and Stderr must have been read to
// their ends before.
func (c *Container) Wait() (int, error) {
	if err := c.init.Wait(); c.init.ProcessState == nil {
		return 0, fmt.Errorf("wait for the container: %w", err)
	}
	status := c.init.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return status.ExitStatus(), nil
}

// abandon ends a container that did not start.
func (c *Container) abandon() {
	if c.Console != nil {
		c.Console.Close()
	}
	// Init may have ended by itself; either way it is gone after this.
	_ = c.init.Process.Kill()
	_, _ = c.Wait()
}
