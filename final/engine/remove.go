package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// removeLocked removes all that there is of a container whose lock we hold: the
// process first, the record last, so that a removal that fails is repeated.
func (e *Engine) removeLocked(id string) error {
	err := e.killProcess(id)
	if err == nil {
		err = e.intendRemoval(id)
	}
	if err == nil {
		err = e.releaseNames(id)
	}
	for _, part := range []string{"upper", "work", "merged", ""} {
		if err == nil {
			err = os.RemoveAll(filepath.Join(e.folder(id), part))
		}
	}
	if err == nil {
		err = e.removeRunFolder(id)
	}
	if err != nil {
		return fmt.Errorf("remove the container %.12s: %w", id, err)
	}
	return nil
}

// intendRemoval has the next command remove what is left, should this one not
// come to its end: half a container is none to keep.
func (e *Engine) intendRemoval(id string) error {
	record, err := e.readRecord(id)
	if err != nil || record.AutoRemove {
		return nil //nolint:nilerr // without a record that says so, nothing is kept
	}
	record.AutoRemove = true
	return e.writeRecord(record)
}

// Remove removes a container by name or id. A running one is refused, or, with
// force, killed first.
func (e *Engine) Remove(name string, force bool) error {
	id, err := e.Find(name)
	if err != nil {
		return err
	}
	held, err := e.lockContainer(id)
	if errors.Is(err, errLocked) && !force {
		return fmt.Errorf("the container %s runs: stop it first, or remove it by force (rm -f)", name)
	}
	if errors.Is(err, errLocked) {
		held, err = e.takeOver(id)
	}
	if err != nil {
		return err
	}
	defer held.release()
	return e.removeLocked(id)
}

// takeOver kills a container and waits until whoever watches it has finished.
func (e *Engine) takeOver(id string) (*lock, error) {
	deadline := time.Now().Add(10 * time.Second)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		if err := e.killProcess(id); err != nil {
			return nil, err
		}
		held, err := e.lockContainer(id)
		if !errors.Is(err, errLocked) {
			return held, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the container %.12s was killed, and is still being watched", id)
		}
		<-time.After(pause)
	}
}
