package cgroup

import (
	"errors"
	"fmt"
	"time"
)

// freezeLimit is how long all processes of a group may take to stop.
const freezeLimit = 10 * time.Second

// freezer returns the part that the group is frozen in. Version 2 comes first: what
// it has frozen can still be killed.
func (g *Group) freezer() *part {
	var found *part
	for _, part := range g.parts {
		if part.driver().canFreeze(part.folder) && (found == nil || part.version == 2) {
			found = part
		}
	}
	return found
}

// Freeze stops all processes of the group, and returns when they have stopped. If they
// do not within ten seconds, the group is thawed again, and the error says so.
func (g *Group) Freeze() error { return g.freeze(freezeLimit) }

func (g *Group) freeze(limit time.Duration) error {
	part := g.freezer()
	if part == nil {
		return fmt.Errorf("freeze the cgroup %s: neither version 2 nor the controller freezer is there: %w", g.name, errors.ErrUnsupported)
	}
	if err := part.driver().setFrozen(part.folder, true, g.steps); err != nil {
		return fmt.Errorf("freeze the cgroup %s: %w", g.name, err)
	}
	// Version 1 may miss a process that is just being forked: asking again finds
	// it, and need not be told again.
	quiet := &steps{}
	frozen, err := until(limit, func() (bool, error) {
		frozen, _, err := part.driver().frozen(part.folder)
		if err != nil || frozen {
			return frozen, err
		}
		return false, part.driver().setFrozen(part.folder, true, quiet)
	})
	if err == nil && !frozen {
		err = fmt.Errorf("its processes have not stopped within %v", limit)
	}
	if err != nil {
		return fmt.Errorf("freeze the cgroup %s: %w", g.name, errors.Join(err, g.Thaw()))
	}
	return nil
}

// Thaw lets the processes of the group go on. It is no error if they do already.
func (g *Group) Thaw() error {
	for _, part := range g.parts {
		if !part.driver().canFreeze(part.folder) {
			continue
		}
		_, asked, err := part.driver().frozen(part.folder)
		if err == nil && asked {
			err = part.driver().setFrozen(part.folder, false, g.steps)
		}
		if err != nil {
			return fmt.Errorf("thaw the cgroup %s: %w", g.name, err)
		}
	}
	return nil
}

// Frozen reports whether all processes of the group are stopped, by Freeze or by
// somebody who has frozen a cgroup above.
func (g *Group) Frozen() (bool, error) {
	for _, part := range g.parts {
		if !part.driver().canFreeze(part.folder) {
			continue
		}
		if frozen, _, err := part.driver().frozen(part.folder); err != nil || frozen {
			return frozen, err
		}
	}
	return false, nil
}
