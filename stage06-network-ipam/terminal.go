package main

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

func isTerminal(file *os.File) bool {
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

// handOverTerminal makes the container the foreground process group of the
// terminal on our standard input, if there is one. Only the foreground group
// may read from a terminal, and Ctrl-C goes to it alone (credentials(7)).
func handOverTerminal(container *exec.Cmd) {
	if !isTerminal(os.Stdin) {
		return
	}
	container.SysProcAttr.Foreground = true
	container.SysProcAttr.Ctty = int(os.Stdin.Fd())
}

// takeBackTerminal makes our own process group the foreground one again after
// container had it, so that whoever called us can read from the terminal.
func takeBackTerminal(container *exec.Cmd) {
	if !container.SysProcAttr.Foreground {
		return
	}
	// A background process that touches its terminal is stopped by SIGTTOU,
	// and until the call has been made we are one.
	signal.Ignore(syscall.SIGTTOU)
	defer signal.Reset(syscall.SIGTTOU)
	// It fails only where the terminal has gone away, with all its readers.
	_ = unix.IoctlSetPointerInt(int(os.Stdin.Fd()), unix.TIOCSPGRP, unix.Getpgrp())
}
