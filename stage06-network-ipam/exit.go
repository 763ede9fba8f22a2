package main

import (
	"fmt"
	"os"
	"syscall"
)

// Exit statuses by which a caller tells the container's failures from ours;
// the numbers are those of docker-run(1) and, before it, of the shell.
const (
	exitToolFailed    = 125
	exitNotExecutable = 126
	exitNotFound      = 127
	exitSignalBase    = 128
)

// ExitError ends this program with the exit status Code. Err, unless it is
// nil, is printed first.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// exitOf returns nil for a process that ended well and otherwise an *ExitError
// with the process's own exit status, or 128+n if signal n ended it. It has nothing
// to print: the program has said what it had to say. The nil is the literal one: a nil
// *ExitError in an error is not nil.
//
//learn:exercise
func exitOf(process *os.ProcessState) error {
	status := process.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled():
		return &ExitError{Code: exitSignalBase + int(status.Signal())}
	case status.ExitStatus() != 0:
		return &ExitError{Code: status.ExitStatus()}
	default:
		return nil
	}
}
