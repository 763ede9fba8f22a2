package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// signals are those that were sent to us and that nobody has seen yet.
type signals chan os.Signal

// catchSignals has them wait instead of ending us, until stop is called: whoever is
// ended cannot clean up.
func catchSignals() signals {
	caught := make(signals, 16)
	signal.Notify(caught, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP,
		syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	return caught
}

func (s signals) stop() {
	signal.Stop(s)
	close(s)
}

// unlessSent returns an *ExitError if there is a signal already: there is nobody yet
// to pass it on to, so it is meant for us.
func (s signals) unlessSent() error {
	select {
	case received := <-s:
		return &ExitError{
			Code: exitSignalBase + int(received.(syscall.Signal)),
			Err:  fmt.Errorf("not started: %s", received),
		}
	default:
		return nil
	}
}

// forwardTo passes on to the container what was sent to us. The container's PID 1 sees
// only signals that it has a handler for; the kernel drops the others
// (pid_namespaces(7)).
func (s signals) forwardTo(container *os.Process) {
	go func() {
		for received := range s {
			// It fails only when the container has ended, which Wait reports.
			_ = container.Signal(received)
		}
	}()
}
