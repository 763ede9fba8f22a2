package engine

import (
	"errors"
	"io/fs"
	"slices"
)

// Status is what a container is doing, as the kernel has it.
type Status string

// What a container can be doing.
const (
	Created    Status = "created" // and never started
	Running    Status = "running"
	Paused     Status = "paused"
	Restarting Status = "restarting" // it has ended, and will be started again
	Removing   Status = "removing"
	Exited     Status = "exited"
	Damaged    Status = "dead" // its record cannot be read
)

// Container is a container as it is now.
type Container struct {
	Record
	Status Status
	Pid    int // of its program on this machine, or 0
}

// Running reports whether the container has a program that runs or will run again.
func (c *Container) Running() bool {
	return c.Status == Running || c.Status == Paused || c.Status == Restarting
}

// List returns all containers, the newest first.
func (e *Engine) List() ([]Container, error) {
	ids, err := e.ids()
	if err != nil {
		return nil, err
	}
	var containers []Container
	for _, id := range ids {
		container, err := e.inspect(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // just being made, or just removed
		}
		if err != nil {
			return nil, err
		}
		containers = append(containers, container)
	}
	slices.SortFunc(containers, func(a, b Container) int { return b.Created.Compare(a.Created) })
	return containers, nil
}

// Get returns the container with a name or an id, or the beginning of one.
func (e *Engine) Get(name string) (Container, error) {
	id, err := e.Find(name)
	if err != nil {
		return Container{}, err
	}
	return e.inspect(id)
}

func (e *Engine) inspect(id string) (Container, error) {
	record, err := e.readRecord(id)
	if errors.Is(err, fs.ErrNotExist) {
		return Container{}, err
	}
	if err != nil {
		return Container{Record: Record{ID: id}, Status: Damaged}, nil
	}
	container := Container{Record: *record}
	if container.Status, container.Pid, err = e.statusOf(record); err != nil {
		return Container{}, err
	}
	if container.Status == Exited && container.Exit == nil {
		container.Exit = e.keptExit(id)
	}
	return container, nil
}

// statusOf derives what a container is doing. It runs if the process that it was
// started as does, and until nothing is left of that, and not because a file says so.
func (e *Engine) statusOf(record *Record) (Status, int, error) {
	watched, err := e.isLocked(record.ID)
	if err != nil {
		return "", 0, err
	}
	state, err := e.runningState(record.ID)
	ran := err == nil && !state.Started.Before(record.Started) // and not the run before
	if err == nil && watched {
		lives, failed := state.Program.lives()
		if failed != nil {
			return "", 0, failed
		}
		if lives {
			return e.runningStatus(record.ID), state.Program.Pid, nil
		}
		err = errNoProcess
	}
	if ran && record.Exit == nil && e.hasProcesses(record.ID) { // the kernel is about to kill them
		return Running, state.Program.Pid, nil
	}
	damaged := errors.Is(err, errDamagedState)
	if err != nil && !damaged && !errors.Is(err, errNoProcess) {
		return "", 0, err
	}
	if damaged && watched && e.hasProcesses(record.ID) {
		return e.runningStatus(record.ID), 0, nil
	}
	switch {
	case record.Removing:
		return Removing, 0, nil
	case watched && record.Exit == nil && ran: // its watcher is about to write that down
		return Exited, 0, nil
	case watched && record.Exit != nil && record.Restart.again(record.Exit, record.RestartCount) && !record.Stopped,
		watched && record.Exit == nil && record.RestartCount > 0 && err != nil:
		return Restarting, 0, nil
	case record.Started.IsZero(), watched && record.Exit == nil && err != nil:
		return Created, 0, nil
	default:
		return Exited, 0, nil
	}
}

// hasProcesses reports whether there are processes in the cgroup of a container.
func (e *Engine) hasProcesses(id string) bool {
	group, err := e.openCgroup(id)
	if err != nil || group == nil {
		return false
	}
	pids, err := group.Pids()
	return err == nil && len(pids) > 0
}

// runningStatus tells a container that runs from one that is paused. If its cgroup is
// gone, it is not paused.
func (e *Engine) runningStatus(id string) Status {
	if group, err := e.openCgroup(id); err == nil && group != nil {
		if frozen, err := group.Frozen(); err == nil && frozen {
			return Paused
		}
	}
	return Running
}
