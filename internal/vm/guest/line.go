package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"mytinydocker/internal/vm/wire"
)

// reports is the line over which the guest reports.
type reports struct {
	mutex sync.Mutex
	tty   *os.File
}

// openLine opens the line and switches off what a terminal does to what is written
// to it: a newline would become two characters (termios(3)).
func openLine() (*reports, error) {
	tty, err := os.OpenFile(wire.Line, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open the line for reports: %w", err)
	}
	settings, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err == nil {
		settings.Oflag &^= unix.OPOST
		settings.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
		err = unix.IoctlSetTermios(int(tty.Fd()), unix.TCSETS, settings)
	}
	if err != nil {
		return nil, fmt.Errorf("set up the line for reports: %w", err)
	}
	return &reports{tty: tty}, nil
}

func (r *reports) send(report wire.Report) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err := wire.Send(r.tty, report); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func (r *reports) fail(err error) error {
	_ = r.send(wire.Report{Kind: wire.Failed, Text: err.Error()}) // the console is told, too
	return err
}

// beat tells that the machine still works, while a test has nothing to say.
func (r *reports) beat() {
	for range time.Tick(5 * time.Second) {
		if r.send(wire.Report{Kind: wire.Alive}) != nil {
			return
		}
	}
}

// drain waits until all that was written has left the machine: tcdrain(3).
func (r *reports) drain() { _ = unix.IoctlSetInt(int(r.tty.Fd()), unix.TCSBRK, 1) }
