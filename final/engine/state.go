package engine

import (
	"errors"
	"fmt"
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
	// Runs is whether the program is the container's. Until then it is our own init,
	// which has the root of the host until it has the container's.
	Runs bool `json:"runs"`
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

// A full disk keeps the end of a container from being recorded. What ends with the boot
// is on another one, in memory: there it waits for the next command.
func (e *Engine) exitPath(id string) string { return filepath.Join(e.runFolder(id), "exit.json") }

func (e *Engine) keepExit(id string, exit *Exit) error {
	return writeJSON(e.exitPath(id), exit, false)
}

// keptExit returns how a container has ended of which that could not be recorded, or nil.
func (e *Engine) keptExit(id string) *Exit {
	var exit Exit
	if readJSON(e.exitPath(id), &exit) != nil || exit.Finished.IsZero() {
		return nil
	}
	return &exit
}

// errDamagedState means that nobody can read any more who the program of a container
// is. Its watcher knows, and its cgroup.
var errDamagedState = errors.New("what was written down of its process is damaged")

// readState returns the state of a container that runs, or errNoProcess, or
// errDamagedState.
func (e *Engine) readState(id string) (state, error) {
	var found state
	err := readJSON(e.statePath(id), &found)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, errNoProcess
	}
	if err == nil && found.Program.Pid <= 0 {
		err = errors.New("there is no process")
	}
	if err != nil {
		return state{}, fmt.Errorf("the container %.12s: %w: %w", id, errDamagedState, err)
	}
	return found, nil
}

// runningState returns the state of a container whose program runs, or the errors of
// readState. Nobody may enter one that is still being made.
func (e *Engine) runningState(id string) (state, error) {
	found, err := e.readState(id)
	// Its watcher may not have come to write it down.
	if err == nil && !found.Runs && !found.Program.hasBecomeProgram() {
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

// killProcess ends the program of a container, if it runs. Who that is may be written
// nowhere: then its cgroup has it.
func (e *Engine) killProcess(id string) error {
	found, err := e.readState(id)
	if err == nil {
		if err = found.Program.kill(); err == nil {
			e.explainSignal(found.Program, syscall.SIGKILL)
		}
	}
	if errors.Is(err, errNoProcess) || errors.Is(err, errDamagedState) {
		return nil
	}
	return err
}
