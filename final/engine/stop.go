package engine

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
	"mytinydocker/final/runtime"
)

// killPatience is how long a container that has been killed, and its watcher, may
// take to be gone.
const killPatience = 10 * time.Second

// StopOptions say how a container is asked to end.
type StopOptions struct {
	Signal  string // "" for the container's own
	Timeout *int   // in seconds until it is killed, -1 for never, nil for its own
}

// Stop ends a container and returns when it has ended: it sends the signal for that
// to the container's program and, if that takes too long, kills it. A container that
// does not run is fine.
func (e *Engine) Stop(name string, options StopOptions) error {
	id, err := e.Find(name)
	if err != nil {
		return err
	}
	conn, err := e.dial(id)
	if errors.Is(err, errNoProcess) {
		return nil
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	record, err := e.intendStop(id)
	if err != nil {
		return err
	}
	number, err := ParseSignal(or(options.Signal, record.StopSignal))
	if err != nil {
		return err
	}
	seconds := record.StopTimeout
	if options.Timeout != nil {
		seconds = *options.Timeout
	}
	if err := errors.Join(e.signalContainer(id, number), e.thaw(id)); err != nil {
		return err
	}
	if seconds >= 0 {
		if err := conn.SetReadDeadline(time.Now().Add(time.Duration(seconds) * time.Second)); err != nil {
			return err
		}
	}
	_, err = (&follower{conn: conn}).awaitEnd()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return e.killAndWait(id)
	}
	return ignoreDeath(err)
}

// ignoreDeath makes nothing of an end that is as good as any other to somebody who
// wanted an end: that of the watcher, or one that could not be recorded.
func ignoreDeath(err error) error {
	if failed := (*runtime.StartError)(nil); errors.Is(err, errWatcherDied) || errors.As(err, &failed) {
		return nil
	}
	return err
}

// intendStop has the watcher not start the container again. If that cannot be written
// down, on a full disk, it is fine for one that is never started again.
func (e *Engine) intendStop(id string) (*Record, error) {
	record, err := e.updateRecord(id, func(record *Record) error {
		record.Stopped = true
		return nil
	})
	if isFull(err) && record.Restart.Policy == RestartNever {
		return record, nil
	}
	return record, err
}

// signalContainer sends a signal to a container's program. If none runs, because it
// is about to be started again, its watcher is told to look at the record.
func (e *Engine) signalContainer(id string, number syscall.Signal) error {
	found, err := e.readState(id)
	if err == nil {
		e.explainSignal(found.Program, number)
		err = found.Program.signal(number)
		if errors.Is(err, errNoProcess) {
			err = found.Watcher.signal(syscall.SIGTERM)
		}
	}
	if errors.Is(err, errDamagedState) {
		err = e.signalByWatcher(id, number)
	}
	if errors.Is(err, errNoProcess) {
		return nil
	}
	return err
}

// signalByWatcher has the watcher of a container send a signal to its program: it has a
// handle of that, and needs nothing that is written down.
func (e *Engine) signalByWatcher(id string, number syscall.Signal) error {
	conn, err := e.dial(id)
	if err != nil {
		return err
	}
	defer conn.Close()
	to := &frames{to: conn}
	return errors.Join(to.sendJSON(frameHello, hello{}), to.sendJSON(frameSignal, number))
}

func (e *Engine) explainSignal(target process, number syscall.Signal) {
	name := strings.TrimPrefix(unix.SignalName(number), "SIG")
	if name == "" {
		name = strconv.Itoa(int(number))
	}
	e.Explain.Run(explain.Exec, "kill", "-"+name, strconv.Itoa(target.Pid))
}

// killAndWait kills a container and waits until its watcher has finished.
func (e *Engine) killAndWait(id string) error {
	conn, err := e.dial(id)
	if errors.Is(err, errNoProcess) {
		return nil
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := errors.Join(e.signalContainer(id, syscall.SIGKILL), e.thaw(id)); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(killPatience)); err != nil {
		return err
	}
	_, err = (&follower{conn: conn}).awaitEnd()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the container %.12s was killed, and is still being watched", id)
	}
	return ignoreDeath(err)
}

// Kill sends a signal to the program of a container that runs. One that is meant to
// end it keeps it from being started again.
func (e *Engine) Kill(name string, number syscall.Signal) error {
	id, err := e.Find(name)
	if err != nil {
		return err
	}
	record, err := e.readRecord(id)
	if err != nil {
		return err
	}
	if stop, err := ParseSignal(record.StopSignal); number == syscall.SIGKILL || err == nil && number == stop {
		if _, err := e.intendStop(id); err != nil {
			return err
		}
	}
	found, err := e.readState(id)
	if err == nil {
		e.explainSignal(found.Program, number)
		err = found.Program.signal(number)
	}
	if errors.Is(err, errDamagedState) {
		err = e.signalByWatcher(id, number)
	}
	if errors.Is(err, errNoProcess) {
		return fmt.Errorf("the container %s does not run", name)
	}
	return err
}

// Wait waits until a container does not run any more and returns its exit status. It
// returns at once for one that has ended.
func (e *Engine) Wait(name string) (int, error) {
	id, err := e.Find(name)
	if err != nil {
		return 0, err
	}
	conn, err := e.dial(id)
	if err == nil {
		defer conn.Close()
		exit, err := (&follower{conn: conn}).awaitEnd()
		if err == nil {
			return exit.Status, nil
		}
		if !errors.Is(err, errWatcherDied) {
			return 0, err
		}
	} else if !errors.Is(err, errNoProcess) {
		return 0, err
	}
	if err := e.tidyContainer(id); err != nil {
		return 0, err
	}
	record, err := e.readRecord(id)
	if err != nil {
		return 0, err
	}
	if record.Exit == nil {
		return 0, nil
	}
	return record.Exit.Status, nil
}

// Restart stops a container, if it runs, and starts it.
func (e *Engine) Restart(name string, options StopOptions) error {
	if err := e.Stop(name, options); err != nil {
		return err
	}
	return e.Start(name)
}

// Rename gives a container another name.
func (e *Engine) Rename(name, another string) error {
	if err := checkName(another); err != nil {
		return err
	}
	id, err := e.Find(name)
	if err != nil {
		return err
	}
	old := ""
	_, err = e.updateRecord(id, func(record *Record) error {
		if record.Name == another {
			return fmt.Errorf("the container has the name %q already", another)
		}
		old = record.Name
		claimed := *record
		claimed.Name = another
		if err := e.claimName(&claimed); err != nil {
			return e.orGone(id, err)
		}
		record.Name = another
		return nil
	})
	if err != nil {
		return err
	}
	networks, err := e.Networks()
	if err != nil {
		return err
	}
	return errors.Join(networks.Rename(id, another), e.releaseName(old, id))
}
