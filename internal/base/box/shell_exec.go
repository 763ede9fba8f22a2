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
	program := exec.Command(path)
	program.Args, program.Dir, program.Env = args, here.Dir, exported(here.Env)
	program.Stdin, program.Stdout, program.Stderr = here.Stdin, here.Stdout, here.Stderr
	status, err := s.run(ctx, program)
	switch {
	case err != nil:
		fmt.Fprintf(here.Stderr, "sh: %s: %v\n", args[0], rootCause(err))
		return interp.ExitStatus(126)
	case status != 0:
		return interp.ExitStatus(uint8(status))
	default:
		return nil
	}
}

// inBackground marks the context of a statement that ends with &.
type inBackground struct{}

// run runs a program to its end, or until it is stopped, and returns its exit
// status.
func (s *shell) run(ctx context.Context, program *exec.Cmd) (int, error) {
	background := ctx.Value(inBackground{}) != nil
	if s.jobs != nil && !background && isFile(program.Stdin, program.Stdout, program.Stderr) {
		return s.jobs.run(program)
	}
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: s.jobs != nil && background}
	if err := s.reaper.start(program); err != nil {
		return 0, err
	}
	defer s.reaper.done(program.Process.Pid)
	err := program.Wait()
	if program.ProcessState == nil {
		return 0, err
	}
	if status := program.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return program.ProcessState.ExitCode(), nil
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
