package engine

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mytinydocker/final/network"
	"mytinydocker/final/runtime"
)

// A watcher is who watches a container, from before its program runs until nothing
// of it is left: the foreground command that has started it, or a monitor. It holds
// the container's lock all that time.
type watcher struct {
	engine  *Engine
	record  *Record
	held    *lock
	signals *signals
	streams *Streams // our caller's, or nil in a monitor
	clients *clients

	prepared *runtime.Prepared // the first process of the first run, or nil
	state    state             // of the last run, as it is recorded
	ran      bool              // its program has been started, whatever became of it

	mutex     sync.Mutex
	container *runtime.Container // while it runs
}

// watch starts the container, and again as its restart policy says, and returns
// its last exit. The record says already that it is started: a start that nobody
// could see the end of is found by that.
func (w *watcher) watch() (*Exit, error) {
	pause, last := time.Duration(0), (*Exit)(nil)
	for {
		exit, err := w.runOnce()
		if err != nil && w.stoppedAfter(last) {
			return last, nil
		}
		if err != nil {
			return nil, err
		}
		last = exit
		ran := exit.Finished.Sub(w.record.Started)
		if err := w.update(func(record *Record) { record.Exit, record.Started = exit, w.record.Started }); err != nil {
			return nil, errors.Join(err, w.engine.keepExit(w.record.ID, exit))
		}
		if w.record.Stopped || !w.record.Restart.again(exit, w.record.RestartCount) {
			return exit, nil
		}
		pause = pauseAfter(pause, ran)
		if stopped, err := w.rest(pause); err != nil || stopped {
			return exit, err
		}
		if err := w.update(func(record *Record) {
			record.Exit, record.Started = nil, time.Now().UTC()
			record.RestartCount++
		}); err != nil {
			return nil, err
		}
	}
}

// update changes the record, which others may have changed, too. Nobody will look
// at that of a container that is removed when it ends.
func (w *watcher) update(change func(*Record)) error {
	if w.record.AutoRemove {
		change(w.record)
		return nil
	}
	record, err := w.engine.updateRecord(w.record.ID, func(record *Record) error {
		change(record)
		return nil
	})
	if err == nil {
		w.record = record
	}
	return err
}

// rest waits for the end of a pause between two runs, or until somebody wants the
// container not to be started again.
func (w *watcher) rest(pause time.Duration) (stopped bool, err error) {
	select {
	case <-w.signals.woken:
	case <-time.After(pause):
	}
	record, err := w.engine.readRecord(w.record.ID)
	if err != nil {
		return true, err
	}
	w.record = record
	return record.Stopped, nil
}

// runOnce starts the container, connects it with everybody who listens and waits
// for its end.
func (w *watcher) runOnce() (*Exit, error) {
	// The kernel kills the container with the thread that has started it.
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	outputs, err := w.openOutputs()
	if err != nil {
		return nil, err
	}
	defer outputs.close()
	ports, err := w.reservePorts()
	if err != nil {
		return nil, err
	}
	defer ports.Close()
	container, err := w.start(ports)
	if err != nil {
		return nil, errors.Join(err, w.engine.leaveNetworks(w.record.ID))
	}
	recorded := w.recordThatItRuns()
	if recorded != nil {
		_ = container.Signal(unix.SIGKILL) // it may have ended by itself
	}
	w.ran = recorded == nil
	w.setContainer(container)
	w.signals.forwardTo(w)
	w.clients.started()
	if w.streams == nil {
		defer time.AfterFunc(restless, comeToRest).Stop()
	}
	connected := errors.Join(w.hurryClients(container), outputs.connect(container))
	status, err := container.Wait()
	w.setContainer(nil)
	exit := &Exit{Status: status, Finished: time.Now().UTC()}
	return exit, errors.Join(recorded, connected, err, w.engine.leaveCgroup(w.record.ID, exit), w.engine.leaveNetworks(w.record.ID))
}

// start starts the container in its networks. What of these is made when it cannot be
// started, leaveNetworks removes.
func (w *watcher) start(ports *network.Reservation) (*runtime.Container, error) {
	if err := w.engine.writeNetworkFiles(w.record); err != nil {
		return nil, err
	}
	spec, err := w.engine.specOf(w.record, w.clients.size(w.streams.size(w.record.Terminal)))
	if err != nil {
		return nil, err
	}
	joined, err := w.shareNetwork(spec)
	if err != nil {
		return nil, err
	}
	defer joined.Close() // of which there may be none
	return runtime.Start(spec, runtime.Options{
		Stdin: w.record.Stdin, Init: w.record.Init, Log: w.engine.Explain, Prepared: w.prepared,
		Started: func(pid int) error {
			if err := errors.Join(w.signals.arrived(), w.recordProcess(pid)); err != nil {
				return err
			}
			return w.connect(pid, ports)
		},
	})
}

// recordProcess records who the container's program is. It runs, so it has started.
func (w *watcher) recordProcess(pid int) error {
	state, err := newState(pid)
	if err == nil {
		w.state, w.record.Started = state, state.Started
		err = writeJSON(w.engine.statePath(w.record.ID), state, false)
	}
	if err != nil {
		return fmt.Errorf("record the process of the container %s: %w", w.record.ShortID(), err)
	}
	return nil
}

// recordThatItRuns has others take the container for one that runs.
func (w *watcher) recordThatItRuns() error {
	w.state.Runs = true
	if err := writeJSON(w.engine.statePath(w.record.ID), w.state, false); err != nil {
		return fmt.Errorf("record that the container %s runs: %w", w.record.ShortID(), err)
	}
	return nil
}

func (w *watcher) setContainer(container *runtime.Container) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.container = container
}

// current returns the container that runs now, or nil.
func (w *watcher) current() *runtime.Container {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.container
}

// signal sends a signal to the container's program, if it runs.
func (w *watcher) signal(signal syscall.Signal) error {
	if container := w.current(); container != nil {
		return container.Signal(signal)
	}
	return errNoProcess
}

// watchToTheEnd watches the container and leaves nothing of it that could be in
// anybody's way before it lets go, and lets everybody know how it has ended. One
// that is new and could not be started is removed; one that has run keeps what it has
// written, whatever goes wrong then. If nobody can write down how it has ended, that is
// in the run folder, for the next command.
func (w *watcher) watchToTheEnd(isNew bool) (*Exit, error) {
	exit, failed := w.watch()
	var err error
	switch {
	case !w.ran && isNew:
		err = w.engine.removeNew(w.record.ID)
	case failed == nil && w.record.AutoRemove:
		err = w.engine.removeEnded(w.record.ID)
	case w.ran && w.record.AutoRemove:
		err = w.engine.removeLocked(w.record.ID)
	case failed != nil && w.engine.keptExit(w.record.ID) != nil:
	case failed != nil:
		err = errors.Join(w.recordFailure(failed), w.engine.removeRunFolder(w.record.ID))
	default:
		err = w.engine.removeRunFolder(w.record.ID)
	}
	w.held.release()
	err = errors.Join(failed, err)
	w.clients.exited(exit, err)
	return exit, err
}

// recordFailure records that the container could not be started, or not again.
func (w *watcher) recordFailure(failed error) error {
	return w.update(func(record *Record) {
		record.Exit = &Exit{Status: statusOf(failed), Error: failed.Error(), Finished: time.Now().UTC()}
	})
}

// hurryClients keeps clients that do not read from holding up what is to be done
// when the container has ended.
func (w *watcher) hurryClients(container *runtime.Container) error {
	handle, err := unix.PidfdOpen(container.Pid(), 0)
	if err != nil {
		return fmt.Errorf("open the process %d: %w", container.Pid(), err)
	}
	w.clients.setDeadline(time.Time{})
	go func() {
		defer unix.Close(handle)
		if awaitReadable(handle, -1) == nil {
			w.clients.setDeadline(time.Now().Add(clientPatience))
		}
	}()
	return nil
}

// clientPatience is how long a client has for the last output of a container that
// has ended.
const clientPatience = 5 * time.Second
