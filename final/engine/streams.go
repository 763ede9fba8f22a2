package engine

import (
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/term"

	"mytinydocker/final/runtime"
)

// Streams are our caller's standard files.
type Streams struct {
	Stdin          *os.File
	Stdout, Stderr io.Writer
}

// size is the size of our terminal, for a container that will have one.
func (s *Streams) size(terminal bool) *specs.Box {
	if s == nil || !terminal {
		return nil
	}
	columns, rows, err := term.GetSize(int(s.Stdin.Fd()))
	if err != nil {
		return nil // no terminal: the program gets one without a size
	}
	return &specs.Box{Height: uint(rows), Width: uint(columns)}
}

// writer returns the file for a stream of the container's: none in a monitor.
func (s *Streams) writer(kind byte) io.Writer {
	switch {
	case s == nil:
		return io.Discard
	case kind == frameErrors:
		return s.Stderr
	default:
		return s.Stdout
	}
}

// connectInput passes our input to the container. With a terminal at both ends
// ours becomes the window to the container's: raw, so that Ctrl-C is a character
// that the container's own terminal makes a signal of, until restore is called.
func (s *Streams) connectInput(container *runtime.Container, record *Record, signals *signals) (restore func(), err error) {
	restore = func() {}
	if container.Console != nil {
		if record.Stdin {
			if restore, err = makeRaw(s.Stdin); err != nil {
				return nil, err
			}
		}
		signals.resize(s.Stdin, container.Console)
	}
	// Nobody waits for these: our input may have no end.
	switch {
	case record.Stdin && container.Console != nil:
		go func() { _, _ = io.Copy(container.Console, s.Stdin) }()
	case container.Stdin != nil:
		go func() {
			_, _ = io.Copy(container.Stdin, s.Stdin)
			container.Stdin.Close()
		}()
	}
	return restore, nil
}

// makeRaw makes a terminal raw until restore is called. What is no terminal stays
// as it is.
func makeRaw(terminal *os.File) (restore func(), err error) {
	if !term.IsTerminal(int(terminal.Fd())) {
		return func() {}, nil
	}
	before, err := term.MakeRaw(int(terminal.Fd()))
	if err != nil {
		return nil, fmt.Errorf("make the terminal raw: %w", err)
	}
	return func() {
		// It fails if the terminal has gone, and then there is nothing to restore.
		_ = term.Restore(int(terminal.Fd()), before)
	}, nil
}
