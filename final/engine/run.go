package engine

import (
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"time"

	"golang.org/x/sys/unix"

	"mytinydocker/final/image"
	"mytinydocker/final/runtime"
)

// Run makes a container, runs it in the foreground and returns its exit status. It
// is the container's own watcher: whatever ends it ends the container. One that a
// person sits at, with a terminal at both ends, gets a monitor, so that one can
// detach from it. On an error the container has not started, and nothing of it is
// left.
func (e *Engine) Run(options Options, streams Streams, attach AttachOptions) (int, error) {
	if options.Terminal && options.Stdin {
		record, held, err := e.make(options, true)
		if err != nil {
			return 0, err
		}
		return e.runAttached(record, held, order{New: true}, streams, attach)
	}
	// From here to the end: a signal must not end us half way through a clean-up.
	signals := catchSignals()
	defer signals.stop()
	// The first process ends with the thread that starts it.
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	var prepared *runtime.Prepared
	if options.Userns != OwnUsers { // whose namespace is not a usual one
		var err error
		prepared, err = runtime.Prepare(runtime.Options{Stdin: options.Stdin, Init: options.Init}, options.Terminal)
		if err != nil {
			return 0, err
		}
	}
	defer prepared.Close()
	record, held, err := e.make(options, true)
	if err != nil {
		return 0, err
	}
	w := &watcher{engine: e, record: record, held: held, signals: signals, streams: &streams, prepared: prepared}
	return w.watchInForeground()
}

// watchInForeground is the watcher of a new container until it has ended.
func (w *watcher) watchInForeground() (int, error) {
	var err error
	if w.clients, err = newClients(w, nil); err != nil {
		return 0, errors.Join(err, w.abandon(true))
	}
	exit, err := w.watchToTheEnd(true)
	if err != nil {
		return 0, err
	}
	return exit.Status, nil
}

// RunDetached makes a container, starts it in the background and returns its id
// when its program runs. On an error nothing of it is left.
func (e *Engine) RunDetached(options Options) (id string, err error) {
	record, held, err := e.make(options, false)
	if err != nil {
		return "", err
	}
	return record.ID, e.startDetached(record.ID, held, order{New: true})
}

// Create makes a container that has yet to be started and returns its id.
func (e *Engine) Create(options Options) (id string, err error) {
	record, held, err := e.makeStopped(options)
	if err != nil {
		return "", err
	}
	defer held.release()
	return record.ID, e.removeRunFolder(record.ID)
}

// make makes a container that is about to be started, and returns its lock, held.
// attached says that our caller's input is the container's.
func (e *Engine) make(options Options, attached bool) (*Record, *lock, error) {
	return e.makeContainer(options, func(record *Record) {
		record.Started = time.Now().UTC()
		record.StdinOnce = record.Stdin && attached
	})
}

func (e *Engine) makeStopped(options Options) (*Record, *lock, error) {
	return e.makeContainer(options, func(record *Record) { record.StdinOnce = record.Stdin })
}

func (e *Engine) makeContainer(options Options, prepare func(*Record)) (*Record, *lock, error) {
	// From here until the record names them, the image's layers stay.
	release, err := e.images.Hold()
	if err != nil {
		return nil, nil, err
	}
	defer release()
	image, err := e.images.Find(options.Image)
	if err != nil {
		return nil, nil, err
	}
	record, err := newRecord(options, image)
	if err != nil {
		return nil, nil, err
	}
	if err := e.borrowMounts(record, options.Borrowed); err != nil {
		return nil, nil, err
	}
	if record.Network.Shared != "" {
		if record.Network.Shared, err = e.Find(record.Network.Shared); err != nil {
			return nil, nil, fmt.Errorf("the network of another container: %w", err)
		}
	}
	prepare(record)
	held, err := e.lockNew(record.ID)
	if err != nil {
		return nil, nil, err
	}
	if err := e.createWithFile(record, image, options.CIDFile); err != nil {
		err = errors.Join(err, e.removeNew(record.ID))
		held.release()
		return nil, nil, err
	}
	return record, held, nil
}

// createWithFile makes the container and writes its id to a file that must not
// exist yet: who gives one wants to find this container by it, and no other.
func (e *Engine) createWithFile(record *Record, image *image.Image, path string) error {
	if path == "" {
		return e.create(record, image)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return fmt.Errorf("make the file for the id: %w", err)
	}
	err = e.create(record, image)
	if err == nil {
		_, err = file.WriteString(record.ID)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
