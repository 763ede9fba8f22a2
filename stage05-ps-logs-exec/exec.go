package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

import "C" // has Go build nsenter.c into this program, with its constructor

// joinVariable names, in the environment of a process of ours, the process whose
// namespaces the constructor joins. It is all that there is in that environment.
const joinVariable = "MYTINYDOCKER_PID"

// ExecOptions is what the user asks of `exec`.
type ExecOptions struct {
	Root        string
	Name        string
	Interactive bool // the program reads our standard input, else /dev/null
	Terminal    bool // standard input must be a terminal
	Command     []string
}

// Exec runs another program in a running container and waits for it. It returns
// what Run does.
func Exec(options ExecOptions) error {
	if options.Terminal && !isTerminal(os.Stdin) {
		return errors.New("standard input is not a terminal: leave -t out")
	}
	record, err := loadRecord(options.Root, options.Name)
	if err != nil {
		return err
	}
	container, err := record.open()
	if err != nil {
		return err
	}
	defer container.Close()
	if err := requireOwnRoot(record); err != nil {
		return err
	}
	environment, err := readEnvironment(record.Process.PID)
	if err != nil {
		return err
	}
	signals := catchSignals()
	defer signals.stop()
	reader, writer, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the pipe to enter: %w", err)
	}
	defer writer.Close()
	entering := NewEnteringProcess(options, record.Process.PID, reader)
	logrus.Debugf("exec: setns to the PID namespace of process %d", record.Process.PID)
	err = startIn(record.Process.PID, entering)
	reader.Close()
	if err != nil {
		return fmt.Errorf("start a process in the container %s: %w", options.Name, err)
	}
	defer takeBackTerminal(entering)
	signals.forwardTo(entering.Process)
	return finishExec(entering, &Cgroup{folders: record.Cgroups}, writer, Message{
		Command:     options.Command,
		Environment: addTerminal(environment, options.Interactive),
	})
}

// requireOwnRoot refuses a container that is still being made: until its first process
// has called pivot_root(2), that has our root, and to join it is to run on the host.
func requireOwnRoot(record *Record) error {
	ours, err := os.Stat("/")
	if err != nil {
		return fmt.Errorf("look at our root: %w", err)
	}
	theirs, err := os.Stat(fmt.Sprintf("/proc/%d/root/", record.Process.PID))
	if err != nil {
		return fmt.Errorf("look at the root of the container %s: %w", record.Name, err)
	}
	if os.SameFile(ours, theirs) {
		return fmt.Errorf("the container %s is still being made", record.Name)
	}
	return nil
}

// NewEnteringProcess returns the command that becomes the program: this program
// itself, as `enter`, told by its environment whose namespaces to join.
func NewEnteringProcess(options ExecOptions, pid int, pipe *os.File) *exec.Cmd {
	entering := exec.Command("/proc/self/exe", "enter")
	entering.Env = []string{joinVariable + "=" + strconv.Itoa(pid)}
	entering.ExtraFiles = []*os.File{pipe}
	entering.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	entering.Stdout, entering.Stderr = os.Stdout, os.Stderr
	if options.Interactive {
		entering.Stdin = os.Stdin
		handOverTerminal(entering)
	}
	return entering
}

// startIn starts command in the PID namespace of process pid. To join that does not
// change the caller, it says where its next children are born (pid_namespaces(7)).
// So Go can do it, if nothing else is started from this thread, ever: the goroutine
// keeps it.
//
//learn:exercise
func startIn(pid int, command *exec.Cmd) error {
	runtime.LockOSThread()
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return err
	}
	defer namespace.Close()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWPID); err != nil {
		return fmt.Errorf("join its PID namespace: %w", err)
	}
	return command.Start()
}

// finishExec limits the program as the container is limited, tells it what to run,
// and waits for its end.
func finishExec(entering *exec.Cmd, cgroup *Cgroup, pipe *os.File, message Message) error {
	sent := cgroup.Add(entering.Process.Pid)
	if sent == nil {
		sent = sendMessage(pipe, message)
	}
	pipe.Close()
	if err := wait(entering); err != nil && sent == nil {
		return err
	}
	return sent
}

// RunEnter is the life of a process that has joined a container: it waits for its
// message and becomes the program. The constructor has joined the namespaces, or has
// ended the process.
func RunEnter() error {
	if os.Getenv(joinVariable) == "" {
		return errors.New("enter is started by exec, in the namespaces of a container")
	}
	pipe := os.NewFile(3, "pipe")
	message, err := receiveMessage(pipe)
	if err != nil {
		return err
	}
	return execute(message.Command, message.Environment)
}
