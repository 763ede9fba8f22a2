package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Empty returns the last elements of the names of those groups right below parent that
// have no process, themselves or below, in any hierarchy, and are at least so old in all.
func Empty(parent string, age time.Duration) ([]string, error) {
	if err := validateName(parent); err != nil {
		return nil, err
	}
	found, err := findHierarchies()
	if err != nil {
		return nil, err
	}
	groups := make(map[string][]folder)
	for _, hierarchy := range found.all {
		above, err := find(hierarchy, parent)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for the cgroup %s in %s: %w", parent, hierarchy.mountpoint, err)
		}
		entries, err := os.ReadDir(string(above))
		if err != nil && !isGone(err) {
			return nil, err
		}
		for _, entry := range entries {
			if entry.IsDir() {
				groups[entry.Name()] = append(groups[entry.Name()], folder(filepath.Join(string(above), entry.Name())))
			}
		}
	}
	var empty []string
	for name, parts := range groups {
		if !slices.ContainsFunc(parts, func(part folder) bool { return part.isUsed(age) }) {
			empty = append(empty, name)
		}
	}
	slices.Sort(empty)
	return empty, nil
}

// isUsed reports whether a group has processes, or is young.
func (f folder) isUsed(age time.Duration) bool {
	info, err := os.Lstat(string(f))
	if err != nil || time.Since(info.ModTime()) < age {
		return true // gone, or young
	}
	pids, err := f.pids()
	return err != nil || len(pids) > 0
}
