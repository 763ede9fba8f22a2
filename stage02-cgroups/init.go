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

// A signal that is to come when the parent dies belongs to the thread that was there
// first, and is lost if another one calls execve(2): the others are gone then. So the
// main goroutine stays on that thread, from the start.
func init() { runtime.LockOSThread() }

// RunInit is the life of the container's first process: it waits for its
// message, prepares the namespaces it was born into from inside, and becomes
// the user's program. It returns only on failure, and then nothing has run.
func RunInit() error {
	if os.Getpid() != 1 {
		return errors.New("init is started by run, as the first process of a container")
	}
	pipe := os.NewFile(3, "pipe")
	message, err := receiveMessage(pipe)
	if err != nil {
		return err
	}
	pipe.Close()
	if message.Debug {
		logrus.SetLevel(logrus.DebugLevel)
	}
	if err := setHostname(message.Hostname); err != nil {
		return err
	}
	logrus.Debug("init: mount --make-rprivate /; mount -t proc -o nosuid,nodev,noexec proc /proc")
	if err := mountProc(); err != nil {
		return err
	}
	logrus.Debugf("init: execve %q", message.Command)
	return execute(message.Command)
}

func setHostname(name string) error {
	logrus.Debugf("init: sethostname %q", name)
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("set the host name %q: %w", name, err)
	}
	return nil
}

// mountProc makes the mounts private, all of them, so that the host notices nothing of
// what comes then: it covers /proc, which still shows the processes of the host, with one
// that shows this PID namespace, with the mount options nosuid, nodev and noexec.
//
//learn:exercise
func mountProc() error {
	// Our mount namespace is a copy, but the mounts in it are still peers of
	// the host's where those are shared (mount_namespaces(7)), and systemd
	// shares them all: without this, the host would get the new /proc as well.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// execute replaces this program by the user's: same process, so still PID 1. The
// program is looked for in our PATH, and gets our environment, and of our open files
// only the three standard ones. The error that execute returns, if it returns, holds
// the exit status that tells why (notExecuted makes it).
//
//learn:exercise
func execute(command []string) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return notExecuted(command[0], err)
	}
	if err := markCloseOnExec(); err != nil {
		return fmt.Errorf("mark the open files close-on-exec: %w", err)
	}
	return notExecuted(command[0], syscall.Exec(path, command, os.Environ()))
}

// markCloseOnExec has the kernel close every file at execve(2) but standard input,
// output and error: whoever started us may have left files of the host open. From
// Linux 5.11 on, close_range(2) does it in one call.
func markCloseOnExec() error {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, file := range files {
		descriptor, err := strconv.Atoi(file.Name())
		if err != nil {
			return err
		}
		if descriptor > 2 {
			unix.CloseOnExec(descriptor)
		}
	}
	return nil
}

func notExecuted(name string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return &ExitError{Code: exitNotFound, Err: fmt.Errorf("%q: command not found", name)}
	}
	// The name is said once, whichever way the error says it.
	if lookup := (*exec.Error)(nil); errors.As(err, &lookup) {
		err = lookup.Err
	}
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	code := exitNotExecutable
	if errors.Is(err, os.ErrNotExist) {
		code = exitNotFound
	}
	return &ExitError{Code: code, Err: fmt.Errorf("%q: %w", name, err)}
}
