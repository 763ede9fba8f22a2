package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"mytinydocker/final/explain"
	"mytinydocker/final/storage"
)

// removeNew removes a container that is new and has not come to run, with the volumes
// that were made for it.
func (e *Engine) removeNew(id string) error {
	if err := e.intendRemoval(id, true); err != nil {
		return fmt.Errorf("remove the container %.12s: %w", id, err)
	}
	return e.removeLocked(id)
}

// removeLocked removes all that there is of a container whose lock we hold: the
// process first, the record last, so that a removal that fails is repeated.
func (e *Engine) removeLocked(id string) error {
	err := e.endProcesses(id)
	if err == nil {
		err = e.leaveNetworks(id)
	}
	if err != nil {
		return fmt.Errorf("remove the container %.12s: %w", id, err)
	}
	return e.removeEnded(id)
}

// removeEnded removes what is left of a container whose lock we hold when its
// processes have ended, and its cgroup and its addresses are given back: to look for
// a cgroup that is gone takes a walk through all there are.
func (e *Engine) removeEnded(id string) error {
	err := e.intendRemoval(id, false)
	record, recordErr := e.readRecord(id)
	if err == nil {
		err = e.releaseNames(id)
	}
	e.Explain.Run(explain.Layers, "rm", "-r", "--one-file-system", e.folder(id))
	for _, part := range []string{"upper", "work", "merged"} {
		if err == nil {
			err = storage.RemoveAll(filepath.Join(e.folder(id), part))
		}
	}
	if err == nil && recordErr == nil && (record.AutoRemove || record.RemoveVolumes) {
		err = e.removeAnonymous(record)
	}
	if err == nil && errors.Is(recordErr, fs.ErrNotExist) {
		err = e.removeIntendedVolumes(id)
	}
	if err == nil {
		err = storage.RemoveAll(e.folder(id))
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
// come to its end: half a container is none to keep. With it go the volumes that nobody
// has given a name, if that was said once.
func (e *Engine) intendRemoval(id string, volumes bool) error {
	record, err := e.readRecord(id)
	if err != nil || record.AutoRemove || record.Removing && (record.RemoveVolumes || !volumes) {
		return nil //nolint:nilerr // without a record that says so, nothing is kept
	}
	_, err = e.updateRecord(id, func(record *Record) error {
		record.Removing = true
		record.RemoveVolumes = record.RemoveVolumes || volumes
		return nil
	})
	if isFull(err) {
		return nil // what we are about to do is what makes room
	}
	return err
}

// Remove removes a container by name or id. A running one is refused, or, with
// force, killed first.
func (e *Engine) Remove(name string, force bool) error { return e.remove(name, force, false) }

func (e *Engine) remove(name string, force, volumes bool) error {
	id, err := e.Find(name)
	if err != nil {
		return err
	}
	held, err := e.lockEnded(id)
	if errors.Is(err, errLocked) && !force {
		return fmt.Errorf("the container %s runs: stop it first, or remove it by force (rm -f)", name)
	}
	if errors.Is(err, errLocked) || errors.Is(err, errBusy) && force {
		held, err = e.takeOver(id)
	}
	if err != nil {
		return err
	}
	defer held.release()
	if volumes {
		_, err := e.updateRecord(id, func(record *Record) error {
			record.RemoveVolumes = true
			return nil
		})
		if isFull(err) {
			return fmt.Errorf("note that the volumes of the container %.12s go with it: %w: remove it without -v, and prune the volumes", id, err)
		}
		// Of a record that is damaged, nobody knows the volumes.
	}
	return e.removeLocked(id)
}

// takeOver kills a container, waits until whoever watches it has finished, and takes
// its lock.
func (e *Engine) takeOver(id string) (*lock, error) {
	// A record that is damaged, or gone, does not keep a container from being killed.
	_, _ = e.intendStop(id)
	deadline := time.Now().Add(killPatience)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		if err := errors.Join(e.signalContainer(id, syscall.SIGKILL), e.thaw(id)); err != nil {
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
