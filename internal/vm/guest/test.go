package main

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"mytinydocker/internal/vm/wire"
)

// chunk is small enough for a slow serial line to tell of progress.
const chunk = 4096

// run runs a test to its end, and ends whatever it leaves.
func run(test wire.Test, environment []string, line *reports) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	pid, err := start(test, environment, writer)
	writer.Close()
	if err != nil {
		return err
	}
	// What outlives the test and holds its output open ends below.
	copied := make(chan error, 1)
	go func() { copied <- forward(reader, test.Package, line) }()
	status, err := reap(pid)
	if err != nil {
		return err
	}
	if err := endRest(); err != nil {
		return err
	}
	if err := <-copied; err != nil {
		return err
	}
	code := status.ExitStatus()
	if status.Signaled() {
		code = 128 + int(status.Signal())
	}
	return line.send(wire.Report{Kind: wire.Ended, Package: test.Package, Code: code})
}

func start(test wire.Test, environment []string, output *os.File) (pid int, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	return syscall.ForkExec(test.Program, append([]string{test.Program}, test.Arguments...), &syscall.ProcAttr{
		Dir:   test.Folder,
		Env:   environment,
		Files: []uintptr{null.Fd(), output.Fd(), output.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
}

func forward(output io.Reader, name string, line *reports) error {
	buffer := make([]byte, chunk)
	for {
		count, err := output.Read(buffer)
		if count > 0 {
			if err := line.send(wire.Report{Kind: wire.Output, Package: name, Data: buffer[:count]}); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// reap waits for pid, and meanwhile for all orphans: we are their parent.
func reap(pid int) (syscall.WaitStatus, error) {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if ended == pid || err != nil {
			return status, os.NewSyscallError("wait4", err)
		}
	}
}

// endRest kills and reaps all processes but us, which kill(2) leaves out.
func endRest() error {
	for {
		if err := syscall.Kill(-1, syscall.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return os.NewSyscallError("kill", err)
		}
		if _, err := reap(-1); errors.Is(err, unix.ECHILD) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
