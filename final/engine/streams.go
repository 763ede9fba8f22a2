package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"mytinydocker/final/runtime"
)

// Streams are our caller's standard files.
type Streams struct {
	Stdin          *os.File
	Stdout, Stderr io.Writer
}

// size is the size of our terminal, for a container that will have one.
func (s Streams) size(terminal bool) *specs.Box {
	if !terminal {
		return nil
	}
	columns, rows, err := term.GetSize(int(s.Stdin.Fd()))
	if err != nil {
		return nil // no terminal: the program gets one without a size
	}
	return &specs.Box{Height: uint(rows), Width: uint(columns)}
}

// connect passes everything between our caller and the container until the
// container has closed its side.
func (s Streams) connect(container *runtime.Container, stdin bool, signals *signals) error {
	if container.Console != nil {
		err := s.connectConsole(container.Console, stdin, signals)
		if err != nil {
			_ = container.Signal(os.Kill) // as passOutput does
		}
		return err
	}
	if container.Stdin != nil {
		// Nobody waits for this: our input may have no end.
		go func() {
			_, _ = io.Copy(container.Stdin, s.Stdin)
			container.Stdin.Close()
		}()
	}
	var group sync.WaitGroup
	var failures [2]error
	group.Go(func() { failures[0] = passOutput(s.Stdout, container.Stdout, container) })
	group.Go(func() { failures[1] = passOutput(s.Stderr, container.Stderr, container) })
	group.Wait()
	return errors.Join(failures[:]...)
}

// passOutput copies what the container prints. If nobody reads it any more, the
// container finds its pipe closed, as it would have found ours. If it cannot be
// kept, the container is killed: whoever waits for its output would wait for
// ever.
func passOutput(to io.Writer, from io.ReadCloser, container *runtime.Container) error {
	_, err := io.Copy(to, from)
	if err == nil {
		return nil
	}
	closed := from.Close()
	if errors.Is(err, syscall.EPIPE) {
		return closed
	}
	// It fails only if the container has just ended.
	_ = container.Signal(os.Kill)
	return fmt.Errorf("pass the container's output on: %w", err)
}

// connectConsole makes our terminal the window to the container's: raw, so that
// Ctrl-C is a character that the container's own terminal makes a signal of.
func (s Streams) connectConsole(console *os.File, stdin bool, signals *signals) (err error) {
	defer console.Close()
	if stdin && term.IsTerminal(int(s.Stdin.Fd())) {
		before, err := term.MakeRaw(int(s.Stdin.Fd()))
		if err != nil {
			return fmt.Errorf("make the terminal raw: %w", err)
		}
		defer func() { err = errors.Join(err, term.Restore(int(s.Stdin.Fd()), before)) }()
	}
	signals.resize(s.Stdin, console)
	if stdin {
		go func() { _, _ = io.Copy(console, s.Stdin) }()
	}
	_, err = io.Copy(s.Stdout, console)
	// The kernel says EIO when the last program has closed the terminal.
	if err != nil && !errors.Is(err, unix.EIO) {
		return fmt.Errorf("pass the container's terminal on: %w", err)
	}
	return nil
}
