package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"mytinydocker/final/cgroup"
)

// exitKilled is the exit status of a program whose end nobody has seen: SIGKILL,
// from the kernel along with its watcher or from tidy.
const exitKilled = 128 + 9

// tidy ends and removes what is left of containers whose tool has died. A
// container has a folder below the run root from before it has anything else
// until it has nothing more to lose, so those folders are all that every command
// has to look at. One that cannot be tidied, because something is mounted in it or its
// disk is full, is in nobody's way: untidy says why, for those who check.
func (e *Engine) tidy() (untidy []error, err error) {
	if err := e.rememberBoot(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(e.run, "containers"))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !validID(entry.Name()) {
			continue
		}
		if err := e.tidyContainer(entry.Name()); err != nil {
			untidy = append(untidy, err)
		}
	}
	return untidy, nil
}

// rememberBoot makes every container one to look at, once after a boot: that has
// ended what ran, and emptied the run root.
func (e *Engine) rememberBoot() error {
	remembered := filepath.Join(e.run, "tidied")
	if _, err := os.Stat(remembered); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ids, err := e.ids()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := os.MkdirAll(e.runFolder(id), 0o700); err != nil {
			return err
		}
	}
	err = writeFile(remembered, "", 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // somebody else has done the same
	}
	return err
}

// tidyContainer takes over a container, if nobody watches it.
func (e *Engine) tidyContainer(id string) (err error) {
	if e.isWatched(id) {
		return nil
	}
	held, err := e.lockAbandoned(id)
	if errors.Is(err, errLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer held.release()
	defer func() { err = errors.Join(err, cgroup.RemoveEmptyParent(cgroupName(""))) }()
	record, err := e.readRecord(id)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && (record.Removing || record.AutoRemove && !record.Started.IsZero()):
		return e.removeLocked(id)
	case err != nil:
		// Its owner will want to look at it before rm.
		return errors.Join(e.endProcesses(id), e.leaveNetworks(id), e.removeRunFolder(id))
	default:
		return e.endUnwatched(record)
	}
}

// endUnwatched ends a container that is to be kept. The kernel has killed its
// program along with its watcher, unless the program has asked it not to
// (PR_SET_PDEATHSIG(2const)).
func (e *Engine) endUnwatched(record *Record) error {
	if err := errors.Join(e.endProcesses(record.ID), e.leaveNetworks(record.ID)); err != nil {
		return fmt.Errorf("end the container %s: %w", record.ShortID(), err)
	}
	if record.Exit == nil && !record.Started.IsZero() {
		exit := e.keptExit(record.ID)
		if exit == nil {
			exit = &Exit{Status: exitKilled, Finished: time.Now().UTC()}
		}
		_, err := e.updateRecord(record.ID, func(record *Record) error {
			record.Exit = exit
			return nil
		})
		if err != nil {
			return err
		}
	}
	return e.removeRunFolder(record.ID)
}
