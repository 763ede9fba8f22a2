package engine

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"mytinydocker/final/runtime"
)

// impatience is how many times somebody must ask a container to end that does not
// listen, until it is killed. PID 1 of a PID namespace does not get a signal that
// it has no handler for (pid_namespaces(7)).
const impatience = 3

var forwarded = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}

// signals are those that are sent to us and meant for the container. They are
// caught from before there is a container until nothing of it is left.
type signals struct {
	caught     chan os.Signal
	woken      chan struct{} // a signal has come while no program ran
	forwarding sync.Once
}

func catchSignals() *signals {
	s := &signals{caught: make(chan os.Signal, 16), woken: make(chan struct{}, 1)}
	signal.Notify(s.caught, forwarded...)
	// A closed pipe is an error of write(2) then, and not our end. Ignoring the
	// signal would do as much, and have the container's program ignore it too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return s
}

// stop has what comes from now on ignored: it comes too late for the container,
// whose status is known, and must not become ours.
func (s *signals) stop() {
	signal.Ignore(forwarded...)
	close(s.caught)
}

// arrived returns an error if somebody wants an end of it before it has begun.
func (s *signals) arrived() error {
	select {
	case received := <-s.caught:
		number := received.(syscall.Signal)
		return &runtime.StartError{Status: 128 + int(number), Message: fmt.Sprintf("ended by %s", unix.SignalName(number))}
	default:
		return nil
	}
}

// signalTarget is who signals are passed on to.
type signalTarget interface {
	signal(number syscall.Signal) error
}

// signalFunc is a signalTarget.
type signalFunc func(syscall.Signal) error

func (f signalFunc) signal(number syscall.Signal) error { return f(number) }

// forwardTo passes signals on until stop is called. Once is enough.
func (s *signals) forwardTo(target signalTarget) {
	s.forwarding.Do(func() {
		go func() {
			asked := 0
			for received := range s.caught {
				number := received.(syscall.Signal)
				if number == syscall.SIGINT || number == syscall.SIGTERM {
					asked++
				}
				if asked >= impatience {
					number = syscall.SIGKILL
				}
				s.pass(number, target)
			}
		}()
	})
}

// pass sends a signal on, or, if there is no program just now, lets whoever is about
// to start one know.
func (s *signals) pass(number syscall.Signal, target signalTarget) {
	if err := target.signal(number); errors.Is(err, errNoProcess) {
		select {
		case s.woken <- struct{}{}:
		default: // it is known already
		}
	}
}

// resize gives the container's terminal the size of ours, whenever that changes,
// and now, for it may have changed since the start. Without a terminal of ours
// there is no size to follow.
func (s *signals) resize(ours, theirs *os.File) {
	onResize(func() {
		// Either terminal may just be going away.
		if size, err := unix.IoctlGetWinsize(int(ours.Fd()), unix.TIOCGWINSZ); err == nil {
			_ = setSize(theirs, size)
		}
	})
}

// onResize calls follow now, and whenever the size of our terminal has changed, to
// the end of our process.
func onResize(follow func()) {
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	resized <- syscall.SIGWINCH
	go func() {
		for range resized {
			follow()
		}
	}()
}

// setSize leaves the file nonblocking, which Fd would not.
func setSize(terminal *os.File, size *unix.Winsize) error {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(descriptor uintptr) { failed = unix.IoctlSetWinsize(int(descriptor), unix.TIOCSWINSZ, size) })
	return errors.Join(err, failed)
}
