package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// removeLimit is how long processes that have ended may keep a cgroup busy.
const removeLimit = 5 * time.Second

// Remove removes the group, with those that it has made below itself, and the folders
// above it that are in its name, unless other groups are in them. It is no error if
// all that is gone already. A group that has processes is not removed.
func (g *Group) Remove() error {
	var problems []error
	for _, part := range slices.Backward(g.parts) {
		if err := g.remove(part.folder); err != nil {
			problems = append(problems, fmt.Errorf("remove the cgroup %s: %w", g.name, err))
		}
	}
	return errors.Join(problems...)
}

// RemoveEmpty removes the group if neither processes nor other groups are in it, and
// reports whether it has. It does not look for them: the kernel knows.
func (g *Group) RemoveEmpty() (removed bool, err error) {
	for _, part := range slices.Backward(g.parts) {
		if removed, err := g.removeIfEmpty(part.folder); !removed || err != nil {
			return false, err
		}
	}
	return true, nil
}

// removeIfEmpty removes the folder of the group in one hierarchy, with those above it, and
// reports whether it has.
func (g *Group) removeIfEmpty(group folder) (removed bool, err error) {
	err = g.steps.rmdir(group)
	if isOccupied(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("remove the cgroup %s: %w", g.name, err)
	}
	removeAbove(group, g.name, g.steps)
	return true, nil
}

// RemoveEmptyParent removes the group that others are in, and those above it that are in
// its name, wherever none is: who makes a group makes those first, and may be killed
// before it is there.
func RemoveEmptyParent(parent string) error {
	group, err := Open(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, part := range group.parts {
		if _, err := group.removeIfEmpty(part.folder); err != nil && !unusable(err) {
			return err
		}
	}
	return nil
}

// isOccupied reports whether an error says that something is in a cgroup.
func isOccupied(err error) bool { return errors.Is(err, unix.EBUSY) || errors.Is(err, unix.ENOTEMPTY) }

// remove tries again while the kernel still has to forget processes that have ended,
// as long as there are none that have not.
func (g *Group) remove(group folder) error {
	var busy error
	done, err := until(removeLimit, func() (bool, error) {
		err := removeFolder(group, g.name, g.steps)
		if busy = err; errors.Is(err, unix.EBUSY) {
			return false, nil
		}
		return true, err
	})
	if done || err != nil {
		return err
	}
	return fmt.Errorf("%w: it still has processes", busy)
}

// removeTree removes a group and all below it, innermost first.
func removeTree(group folder, steps *steps) error {
	if _, err := os.Lstat(string(group)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var all []folder
	if err := group.walk(func(one folder) error { all = append(all, one); return nil }); err != nil {
		return err
	}
	for _, one := range slices.Backward(all) {
		if err := steps.rmdir(one); err != nil {
			return err
		}
	}
	return nil
}

// removeFolder removes what makeFolder has made: a group, and those above it that are
// in its name, unless other groups are in them.
func removeFolder(group folder, name string, steps *steps) error {
	if err := removeTree(group, steps); err != nil {
		return err
	}
	removeAbove(group, name, steps)
	return nil
}

// removeAbove removes those above a group that are in its name. Where others are in one,
// that is for the last of them to do.
func removeAbove(group folder, name string, steps *steps) {
	for range strings.Count(name, "/") {
		group = group.above()
		if steps.rmdir(group) != nil {
			return
		}
	}
}
