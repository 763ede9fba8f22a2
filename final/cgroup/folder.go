package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// makeFolder makes the folder of a group below base, and those between, which groups
// have in common. Each of them, whoever has made it, is prepared before the next.
// The last of the other groups may take those away while we are at it.
func makeFolder(base folder, name string, steps *steps, prepare func(folder) error) (folder, error) {
	group := folder(base.path(name))
	var failed error
	_, _ = until(2*time.Second, func() (bool, error) {
		failed = tryFolder(base, name, steps, prepare)
		return !isGone(failed) || !base.has("cgroup.procs"), nil
	})
	switch {
	case errors.Is(failed, errInUse): // it is not ours
		return "", failed
	case failed != nil:
		return "", errors.Join(failed, removeFolder(group, name, steps))
	}
	return group, nil
}

func tryFolder(base folder, name string, steps *steps, prepare func(folder) error) error {
	current := base
	elements := strings.Split(name, "/")
	for index, element := range elements {
		current = folder(current.path(element))
		made, err := steps.mkdir(current)
		if err == nil && !made && index == len(elements)-1 {
			err = replaceFolder(current, steps)
		}
		if err != nil {
			return err
		}
		if err := prepare(current); err != nil {
			return err
		}
	}
	return nil
}

// errInUse is for the group of a container that lives.
var errInUse = fmt.Errorf("it has processes, and is in use: %w", fs.ErrExist)

// replaceFolder makes a group anew of which something is left. Its limits, and that
// it is frozen, go with it.
func replaceFolder(group folder, steps *steps) error {
	occupied, err := group.occupied()
	if err != nil {
		return err
	}
	if occupied {
		return errInUse
	}
	if err := removeTree(group, steps); err != nil {
		return err
	}
	_, err = steps.mkdir(group)
	return err
}

// find looks for the folder of a group: below our own cgroup and those above it, and
// then everywhere. A group may have been created from elsewhere, say another login.
func find(hierarchy *hierarchy, name string) (folder, error) {
	top := folder(hierarchy.mountpoint)
	for base := folder(hierarchy.own); ; base = base.above() {
		if group := folder(base.path(name)); group.has("cgroup.procs") {
			return group, nil
		}
		if base == top {
			break
		}
	}
	// A container that may make cgroups itself makes them below its own: nothing
	// that it names as it likes is looked at.
	first, _, _ := strings.Cut(name, "/")
	var found folder
	err := top.walk(func(base folder) error {
		if filepath.Base(string(base)) == first {
			return fs.SkipDir
		}
		if group := folder(base.path(name)); group.has("cgroup.procs") {
			found = group
			return fs.SkipAll
		}
		return nil
	})
	if err == nil && found == "" {
		err = fs.ErrNotExist
	}
	return found, err
}

// walk calls visit for a cgroup and all below it, each before those in it. One that
// is removed meanwhile is no error.
func (f folder) walk(visit func(folder) error) error {
	return filepath.WalkDir(string(f), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case isGone(err):
			return nil
		case err != nil || !entry.IsDir():
			return err
		}
		if err := visit(folder(path)); !isGone(err) {
			return err
		}
		return nil
	})
}

// isGone reports whether an error says that a cgroup is no more. A file of it that is
// still open then has no device.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) }
