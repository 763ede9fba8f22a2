package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// exec runs a program and waits for it.
func (s *shell) exec(ctx context.Context, args []string) error {
	here := interp.HandlerCtx(ctx)
	path, err := interp.LookPathDir(here.Dir, here.Env, args[0])
	if err != nil {
		return notFound(here, args[0])
	}
	program := exec.CommandContext(ctx, path)
	program.Args, program.Dir, program.Env = args, here.Dir, exported(here.Env)
	program.Stdin, program.Stdout, program.Stderr = here.Stdin, here.Stdout, here.Stderr
	program.SysProcAttr = &syscall.SysProcAttr{}
	if s.terminal != nil {
		// On the terminal every program is a job of its own, so that Ctrl-C
		// means it and not us.
		program.SysProcAttr.Foreground = true
		program.SysProcAttr.Ctty = int(s.terminal.Fd())
		defer s.takeTerminal()
	}
	err = program.Run()
	status := program.ProcessState
	switch {
	case status == nil:
		fmt.Fprintf(here.Stderr, "sh: %s: %v\n", args[0], rootCause(err))
		return interp.ExitStatus(126)
	case status.Sys().(syscall.WaitStatus).Signaled():
		return interp.ExitStatus(128 + uint8(status.Sys().(syscall.WaitStatus).Signal()))
	case status.ExitCode() != 0:
		return interp.ExitStatus(uint8(status.ExitCode()))
	default:
		return nil
	}
}

// replace makes a program of this process, for `exec`. It returns only if that
// fails, and then the shell ends.
func (s *shell) replace(ctx context.Context, args []string) error {
	here := interp.HandlerCtx(ctx)
	path, err := interp.LookPathDir(here.Dir, here.Env, args[0])
	if err != nil {
		return notFound(here, args[0])
	}
	for number, stream := range []any{here.Stdin, here.Stdout, here.Stderr} {
		if file, ok := stream.(*os.File); ok && int(file.Fd()) != number {
			if err := unix.Dup3(int(file.Fd()), number, 0); err != nil {
				return err
			}
		}
	}
	if err := os.Chdir(here.Dir); err != nil {
		return err
	}
	err = syscall.Exec(path, args, exported(here.Env))
	fmt.Fprintf(here.Stderr, "sh: %s: %v\n", args[0], err)
	return interp.ExitStatus(126)
}

// umask prints or sets the file mode creation mask of this process, which its
// programs inherit.
func umask(args []string) []string {
	if len(args) == 1 {
		mask := unix.Umask(0)
		unix.Umask(mask)
		return []string{"printf", "%s\n", fmt.Sprintf("%04o", mask)}
	}
	mask, err := strconv.ParseUint(args[1], 8, 12)
	if err != nil {
		return []string{"eval", "echo 'sh: umask: give an octal number' >&2; false"}
	}
	unix.Umask(int(mask))
	return []string{"true"}
}

// notFound says why there is no program of this name: 127 if there is no file,
// 126 if there is one.
func notFound(here interp.HandlerContext, name string) error {
	info, err := os.Stat(name)
	switch {
	case err != nil || info.Name() == name && !fs.ValidPath(name):
		fmt.Fprintf(here.Stderr, "sh: %s: not found\n", name)
		return interp.ExitStatus(127)
	case info.IsDir():
		fmt.Fprintf(here.Stderr, "sh: %s: is a folder\n", name)
	default:
		fmt.Fprintf(here.Stderr, "sh: %s: permission denied\n", name)
	}
	return interp.ExitStatus(126)
}

func rootCause(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

func exported(env expand.Environ) []string {
	var variables []string
	for name, variable := range env.Each {
		if variable.Exported && variable.Kind == expand.String {
			variables = append(variables, name+"="+variable.String())
		}
	}
	return variables
}

// takeTerminal makes us the terminal's foreground group again.
func (s *shell) takeTerminal() {
	// SIGTTOU is ignored; it fails only where the terminal has gone.
	_ = unix.IoctlSetPointerInt(int(s.terminal.Fd()), unix.TIOCSPGRP, unix.Getpgrp())
}
