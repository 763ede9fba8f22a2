package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// killLimit is how long processes may take to die. Some wait for a disk.
const killLimit = 10 * time.Second

// Kill ends all processes of the group with SIGKILL, also those that are frozen and
// those that are born meanwhile, and returns when there are none any more. If there
// are after ten seconds, that is an error. The group itself stays.
func (g *Group) Kill() error {
	round := g
	gone, err := until(killLimit, func() (bool, error) {
		occupied, err := g.occupied()
		if err != nil || !occupied {
			return !occupied, err
		}
		err = round.killOnce()
		round = &Group{name: g.name, parts: g.parts, steps: &steps{}} // the log has heard of it
		return false, err
	})
	if err == nil && !gone {
		err = fmt.Errorf("some have not ended within %v", killLimit)
	}
	if err != nil {
		return fmt.Errorf("kill the processes of the cgroup %s: %w", g.name, err)
	}
	return nil
}

func (g *Group) occupied() (bool, error) {
	for _, part := range g.parts {
		if occupied, err := part.folder.occupied(); err != nil || occupied {
			return occupied, err
		}
	}
	return false, nil
}

// killOnce kills those that are there now. The kernel does that for us in version 2,
// from Linux 5.14 on, and nothing escapes. Else they are frozen while each gets its
// signal, so that they have no more children; if they cannot be, the next round gets
// those. What version 1 has frozen dies when it is thawed.
func (g *Group) killOnce() error {
	for _, part := range g.parts {
		if part.version != 2 || !part.folder.has("cgroup.kill") {
			continue
		}
		if err := g.steps.write(part.folder, "cgroup.kill", "1"); err != nil {
			return err
		}
		if occupied, err := part.folder.occupied(); err != nil || occupied {
			return errors.Join(err, g.Thaw())
		}
	}
	if g.freezer() != nil {
		_ = g.freeze(100 * time.Millisecond) // or they are killed as they run
	}
	return errors.Join(g.signalAll(), g.Thaw())
}

// signalAll sends SIGKILL to each process of the group. The number of one that has
// ended may be given to another at any time, outside of the group: the file that is
// opened by number counts only if the number is in the group after that as well.
func (g *Group) signalAll() error {
	before, err := g.Pids()
	if err != nil {
		return err
	}
	files := make(map[int]int)
	defer func() {
		for _, file := range files {
			unix.Close(file)
		}
	}()
	for _, pid := range before {
		file, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return fmt.Errorf("take hold of process %d: %w", pid, err)
		}
		files[pid] = file
	}
	after, err := g.Pids()
	if err != nil {
		return err
	}
	for pid, file := range files {
		if !slices.Contains(after, pid) {
			continue
		}
		if err := g.steps.kill(file, pid); err != nil {
			return fmt.Errorf("kill process %d: %w", pid, err)
		}
	}
	return nil
}
