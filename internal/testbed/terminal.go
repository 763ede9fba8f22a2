package testbed

import (
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Terminal is a program that runs on a terminal of its own, and the hand on the
// keyboard.
type Terminal struct {
	process *Process
	master  *os.File
	drained chan struct{} // closed when everything printed has been read
}

// Terminal starts the program as the leader of a new session whose controlling
// terminal, 80 columns wide and 24 rows high, is its standard input, output and
// error.
func (c Command) Terminal(t testing.TB) *Terminal {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	defer slave.Close()
	process := c.process(t)
	process.cmd.Stdin, process.cmd.Stdout, process.cmd.Stderr = slave, slave, slave
	process.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	terminal := &Terminal{process: process, master: master, drained: make(chan struct{})}
	terminal.Resize(80, 24)
	process.start()
	go terminal.drain()
	return terminal
}

func (t *Terminal) drain() {
	defer close(t.drained)
	// Reading ends with EIO when the last program has closed the other side.
	_, _ = io.Copy(&t.process.stdout, t.master)
}

// Expect waits until text has been printed, after what an earlier call has
// matched, and returns the output up to the end of text. Mind that a terminal
// echoes what is typed.
func (t *Terminal) Expect(text string) string {
	t.process.t.Helper()
	return t.process.expect(text, t.drained)
}

// Send types text.
func (t *Terminal) Send(text string) {
	t.process.t.Helper()
	if _, err := io.WriteString(t.master, text); err != nil {
		t.process.t.Fatalf("type %q: %v", text, err)
	}
}

// Resize changes the size of the terminal; its foreground process group gets
// SIGWINCH.
func (t *Terminal) Resize(columns, rows uint16) {
	t.process.t.Helper()
	if err := pty.Setsize(t.master, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		t.process.t.Fatalf("resize the terminal: %v", err)
	}
}

// Attributes returns the terminal's modes, see termios(3).
func (t *Terminal) Attributes() unix.Termios {
	t.process.t.Helper()
	attributes, err := unix.IoctlGetTermios(int(t.master.Fd()), unix.TCGETS)
	if err != nil {
		t.process.t.Fatalf("read the terminal's modes: %v", err)
	}
	return *attributes
}

// Pid returns the process id of the program.
func (t *Terminal) Pid() int { return t.process.Pid() }

// Signal sends a signal to the program, but not to its process group.
func (t *Terminal) Signal(signal os.Signal) {
	t.process.t.Helper()
	t.process.Signal(signal)
}

// Wait waits for the program's end. All that was printed is in Stdout.
func (t *Terminal) Wait() Result {
	t.process.t.Helper()
	result := t.process.Wait()
	// Its last words are read once the kernel has hung up the terminal; a
	// process in the background may keep that from happening.
	select {
	case <-t.drained:
	case <-time.After(time.Second):
	}
	result.Stdout = t.process.stdout.String()
	return result
}
