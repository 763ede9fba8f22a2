package engine

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"time"

	"mytinydocker/final/runtime"
)

// Run makes a container, runs it in the foreground and returns its exit status.
// It is the container's own watcher: whatever ends it ends the container. On an
// error the container has not started, and nothing of it is left.
func (e *Engine) Run(options Options, streams Streams) (int, error) {
	image, err := e.images.Find(options.Image)
	if err != nil {
		return 0, err
	}
	record, err := newRecord(options, image)
	if err != nil {
		return 0, err
	}
	// From here to the end: a signal must not end us half way through a clean-up.
	signals := catchSignals()
	defer signals.stop()
	held, err := e.lockNew(record.ID)
	if err != nil {
		return 0, err
	}
	defer held.release()
	if err := e.create(record, image); err != nil {
		return 0, errors.Join(err, e.removeLocked(record.ID))
	}
	status, err := e.supervise(record, streams, signals)
	if err != nil {
		return 0, errors.Join(err, e.removeLocked(record.ID))
	}
	return status, e.finish(record, status)
}

// supervise starts the container, connects it with our caller and waits for its
// end.
func (e *Engine) supervise(record *Record, streams Streams, signals *signals) (int, error) {
	// The kernel kills the container with the thread that has started it.
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	spec, err := e.specOf(record, streams.size(record.Terminal))
	if err != nil {
		return 0, err
	}
	container, err := runtime.Start(spec, runtime.Options{
		Stdin: record.Stdin,
		Started: func(pid int) error {
			return errors.Join(signals.arrived(), e.recordProcess(record.ID, pid))
		},
	})
	if err != nil {
		return 0, err
	}
	signals.forwardTo(container)
	connected := streams.connect(container, record.Stdin, signals)
	status, err := container.Wait()
	return status, errors.Join(connected, err)
}

func (e *Engine) recordProcess(id string, pid int) error {
	identity, err := identify(pid)
	if err == nil {
		err = writeJSON(e.statePath(id), identity, false)
	}
	if err != nil {
		return fmt.Errorf("record the process of the container %.12s: %w", id, err)
	}
	return nil
}

// finish records how the container ended, or removes it if that was asked for.
func (e *Engine) finish(record *Record, status int) error {
	if record.AutoRemove {
		return e.removeLocked(record.ID)
	}
	record.Exit = &Exit{Status: status, Finished: time.Now().UTC()}
	if err := e.writeRecord(record); err != nil {
		return err
	}
	return e.removeRunFolder(record.ID)
}
