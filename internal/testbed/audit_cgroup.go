package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// cgroups lists the cgroups of this project, on the whole machine: no namespace
// keeps a test from making one. It leaves out those in which processes live that
// no test of ours has started: another suite is using them.
func cgroups() ([]string, error) {
	found, err := allCgroups()
	if err != nil {
		return nil, err
	}
	parents, err := parentsOfAll()
	if err != nil {
		return nil, err
	}
	var things []string
	for _, path := range found {
		others, err := holdsOthers(path, parents)
		if err != nil {
			return nil, err
		}
		if !others {
			things = append(things, fmt.Sprintf("%s (see: cat %s/cgroup.procs)", path, path))
		}
	}
	return things, nil
}

// foreignCgroups are those of this project that were there before the first test.
var foreignCgroups []string

// IsForeignCgroup reports whether a cgroup was there before the first test. No
// namespace keeps cgroups apart: it belongs to somebody else.
func IsForeignCgroup(path string) bool { return slices.Contains(foreignCgroups, path) }

func noteForeignCgroups() (err error) {
	foreignCgroups, err = allCgroups()
	return err
}

// allCgroups lists those of this project in all hierarchies, whoever uses them.
func allCgroups() ([]string, error) {
	hierarchies, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return nil, err
	}
	var all []string
	for _, hierarchy := range hierarchies {
		found, err := cgroupsBelow(hierarchy.Mountpoint)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// cgroupsBelow lists those of this project in a hierarchy.
func cgroupsBelow(mountpoint string) ([]string, error) {
	var found []string
	err := walkFolders(mountpoint, func(path string) error {
		if strings.Contains(strings.TrimPrefix(path, mountpoint), "tinydocker") {
			found = append(found, path)
		}
		return nil
	})
	return found, err
}

// holdsOthers tells whether a process that is none of ours lives in a cgroup or
// below it.
func holdsOthers(cgroup string, parents map[int]int) (bool, error) {
	others := false
	err := walkFolders(cgroup, func(path string) error {
		content, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
			return nil // it has just gone
		}
		if err != nil {
			return err
		}
		for _, field := range strings.Fields(string(content)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return err
			}
			others = others || !descends(pid, os.Getppid(), parents)
		}
		return nil
	})
	return others, err
}

// walkFolders calls visit for a folder and all below it that stay long enough.
func walkFolders(root string, visit func(path string) error) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // it has just gone
		case err != nil || !entry.IsDir():
			return err
		}
		return visit(path)
	})
}
