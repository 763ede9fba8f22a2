package main

import (
	"os"
	"os/signal"
	"syscall"
)

// forwardSignals passes on to the container what was sent to us, until the
// returned function is called. The container's PID 1 sees only signals that it
// has a handler for; the kernel drops the others (pid_namespaces(7)).
func forwardSignals(container *os.Process) (stop func()) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP,
		syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for received := range signals {
			// It fails only when the container has ended, which Wait reports.
			_ = container.Signal(received)
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}
