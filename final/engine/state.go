package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// state is who a container is while it runs. It is gone with the boot.
type state struct {
	Program process   `json:"program"` // PID 1 of the container
	Watcher process   `json:"watcher"`
	Started time.Time `json:"started"`
}

// newState returns the state of a container whose program has the number pid and
// whose watcher we are.
func newState(pid int) (state, error) {
	program, err := identify(pid)
	if err != nil {
		return state{}, err
	}
	watcher, err := identify(os.Getpid())
	return state{Program: program, Watcher: watcher, Started: time.Now().UTC()}, err
}

func (e *Engine) statePath(id string) string { return filepath.Join(e.runFolder(id), "state.json") }

// readState returns the state of a container that runs, or errNoProcess.
func (e *Engine) readState(id string) (state, error) {
	var found state
	err := readJSON(e.statePath(id), &found)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, errNoProcess
	}
	return found, err
}

// endProcesses ends the program of a container, if it runs, and whatever else is left
// of it in its cgroup, and removes that.
func (e *Engine) endProcesses(id string) error {
	// A process that is frozen does not die.
	if err := e.thaw(id); err != nil {
		return err
	}
	if err := e.killProcess(id); err != nil {
		return err
	}
	return e.leaveCgroup(id, &Exit{})
}

// killProcess ends the program of a container, if it runs.
func (e *Engine) killProcess(id string) error {
	found, err := e.readState(id)
	if err == nil {
		if err = found.Program.kill(); err == nil {
			e.explainSignal(found.Program, syscall.SIGKILL)
		}
	}
	if errors.Is(err, errNoProcess) {
		return nil
	}
	return err
}
