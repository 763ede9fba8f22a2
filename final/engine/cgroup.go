package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/cgroup"
)

// cgroupName is the name of a container's cgroup.
func cgroupName(id string) string { return path.Join("tinydocker", id) }

// resourcesOf is what a container may use, of the machine and of its devices.
func resourcesOf(record *Record) *specs.LinuxResources {
	resources := record.Limits.resources()
	if record.Security.Privileged {
		resources.Devices = []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}
	} else {
		resources.Devices = cgroup.DefaultDevices()
	}
	return resources
}

// openCgroup opens the cgroup of a container, or returns nil if it has none: it does
// not run, or somebody has removed the cgroup.
func (e *Engine) openCgroup(id string) (*cgroup.Group, error) {
	group, err := cgroup.Open(cgroupName(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		group.Explain(e.Explain)
	}
	return group, err
}

// leaveCgroup removes the cgroup of a container that has ended, and whatever is still
// in it, and notes what the kernel has to say of the end.
func (e *Engine) leaveCgroup(id string, exit *Exit) error {
	group, err := e.openCgroup(id)
	if err != nil || group == nil {
		return err
	}
	killed, err := group.OOMKills()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("ask how the container %.12s has ended: %w", id, err)
	}
	exit.OOMKilled = killed > 0
	if removed, err := group.RemoveEmpty(); removed || err != nil {
		return err
	}
	if err := group.Kill(); err != nil {
		return fmt.Errorf("end what is left in the container %.12s: %w", id, err)
	}
	return group.Remove()
}

// thaw lets a container go on that is paused: what is stopped does not hear a signal.
func (e *Engine) thaw(id string) error {
	group, err := e.openCgroup(id)
	if err != nil || group == nil {
		return err
	}
	err = group.Thaw()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil // its watcher has just removed it
	}
	return err
}

// Pause stops all processes of a container that runs, without a word to them.
func (e *Engine) Pause(name string) error {
	container, group, err := e.runningGroup(name)
	if err != nil {
		return err
	}
	if container.Status == Paused {
		return fmt.Errorf("the container %s is paused already", name)
	}
	if err := group.Freeze(); err != nil {
		return e.orEnded(container, err)
	}
	return nil
}

// Unpause lets the processes of a paused container go on.
func (e *Engine) Unpause(name string) error {
	container, group, err := e.runningGroup(name)
	if err != nil {
		return err
	}
	if container.Status != Paused {
		return fmt.Errorf("the container %s is not paused", name)
	}
	if err := group.Thaw(); err != nil {
		return e.orEnded(container, err)
	}
	return nil
}

// runningGroup returns a container that runs, or is paused, with its cgroup.
func (e *Engine) runningGroup(name string) (*Container, *cgroup.Group, error) {
	container, err := e.Get(name)
	if err != nil {
		return nil, nil, err
	}
	if container.Status != Running && container.Status != Paused {
		return nil, nil, e.notRunning(&container, name)
	}
	group, err := e.openCgroup(container.ID)
	if err == nil && group == nil {
		err = e.orEnded(&container, fmt.Errorf("the cgroup of the container %s is gone: somebody has removed it", name))
	}
	return &container, group, err
}

// Update changes the limits of a container, at once if it runs. Zero values stay as
// they are.
func (e *Engine) Update(name string, changes Limits, restart *Restart) error {
	id, err := e.Find(name)
	if err != nil {
		return err
	}
	_, err = e.updateRecord(id, func(record *Record) error {
		changed := record.Limits.with(changes)
		if err := changed.check(); err != nil {
			return err
		}
		if restart != nil {
			if record.AutoRemove && restart.Policy != RestartNever {
				return fmt.Errorf("the container %s is removed when it ends: it cannot be started again", name)
			}
			record.Restart = *restart
		}
		group, err := e.openCgroup(id)
		if err != nil {
			return err
		}
		if group != nil && changes != (Limits{}) {
			// One that has ended has its limits from the next start on.
			if err := e.unlessEnded(id, group.Update(changed.resources())); err != nil {
				return fmt.Errorf("change the limits of the container %s: %w", name, err)
			}
		}
		record.Limits = changed
		return nil
	})
	return err
}

// with returns the limits with the changes, whose zero values are none.
func (l Limits) with(changes Limits) Limits {
	replace(&l.Memory, changes.Memory)
	replace(&l.MemorySwap, changes.MemorySwap)
	replace(&l.MemoryReservation, changes.MemoryReservation)
	replace(&l.CPUs, changes.CPUs)
	replace(&l.CPUShares, changes.CPUShares)
	replace(&l.CPUSet, changes.CPUSet)
	replace(&l.Pids, changes.Pids)
	return l
}

func replace[T comparable](value *T, other T) {
	if zero := *new(T); other != zero {
		*value = other
	}
}
