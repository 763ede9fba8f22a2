package engine

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Start starts a container that does not run, in the background, and returns when
// its program runs. One that runs already is fine.
func (e *Engine) Start(name string) error {
	record, held, err := e.prepareStart(name)
	if err != nil || held == nil {
		return err
	}
	return e.startDetached(record.ID, held, order{})
}

// StartAttached starts a container that does not run, and stays connected with it
// until it has ended. It returns its exit status.
func (e *Engine) StartAttached(name string, streams Streams, attach AttachOptions) (int, error) {
	record, held, err := e.prepareStart(name)
	if err != nil {
		return 0, err
	}
	if held == nil {
		return e.Attach(name, streams, attach)
	}
	return e.runAttached(record, held, order{}, streams, attach)
}

// prepareStart takes the lock of a container and records that it is about to be
// started. For one that runs already, the lock is nil.
func (e *Engine) prepareStart(name string) (*Record, *lock, error) {
	id, err := e.Find(name)
	if err != nil {
		return nil, nil, err
	}
	held, err := e.lockEnded(id)
	if errors.Is(err, errLocked) {
		record, err := e.readRecord(id)
		return record, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	_ = os.Remove(e.exitPath(id)) // of another run, if there is one
	record, err := e.updateRecord(id, func(record *Record) error {
		if record.Removing {
			return fmt.Errorf("the container %s is being removed", name)
		}
		record.Started, record.Exit, record.RestartCount, record.Stopped = time.Now().UTC(), nil, 0, false
		return nil
	})
	if err != nil {
		held.release()
		return nil, nil, err
	}
	return record, held, nil
}

// startDetached has a monitor start the container, and returns when that is done.
func (e *Engine) startDetached(id string, held *lock, wanted order) error {
	wanted.ID = id
	conn, err := e.startMonitor(wanted, held)
	if err != nil {
		return errors.Join(err, e.giveUp(id, held, wanted.New))
	}
	held.release()
	defer conn.Close()
	return (&follower{conn: conn, explain: e.Explain}).awaitStart()
}

// runAttached has a monitor start the container, and connects our caller with it.
func (e *Engine) runAttached(record *Record, held *lock, wanted order, streams Streams, attach AttachOptions) (int, error) {
	wanted.ID = record.ID
	conn, err := e.startMonitor(wanted, held)
	if err != nil {
		return 0, errors.Join(err, e.giveUp(record.ID, held, wanted.New))
	}
	held.release()
	defer conn.Close()
	return (&follower{conn: conn, explain: e.Explain}).follow(record, streams, attach)
}

// giveUp leaves a container that nobody will watch: one that is new is removed.
func (e *Engine) giveUp(id string, held *lock, isNew bool) error {
	w := &watcher{engine: e, record: &Record{ID: id}, held: held}
	return w.abandon(isNew)
}

// abandon leaves a container that was not started.
func (w *watcher) abandon(isNew bool) error {
	defer w.held.release()
	if isNew {
		return w.engine.removeNew(w.record.ID)
	}
	_, err := w.engine.updateRecord(w.record.ID, func(record *Record) error {
		record.Exit = &Exit{Status: 125, Error: "its monitor could not be started", Finished: time.Now().UTC()}
		return nil
	})
	return errors.Join(err, w.engine.removeRunFolder(w.record.ID))
}
