package main

import (
	"path/filepath"
	"strings"
)

// v2 makes cgroups below the root of the hierarchy. Not below our own, as v1 does:
// a cgroup that has processes may not pass controllers on to others below it
// ("no internal processes", cgroup-v2.rst), and ours has at least one: us. The
// root is the one exception.
type v2 struct{}

func (v2) create(hierarchy Hierarchy, id string, wanted []subsystem) (string, error) {
	folder, err := makeFolder(hierarchy.Mountpoint, id)
	if err != nil {
		return "", err
	}
	var controllers []string
	for _, subsystem := range wanted {
		controllers = append(controllers, "+"+subsystem.name())
	}
	// A cgroup has the files of a controller only if the one above passes it on,
	// and so on up to the root.
	for _, parent := range []string{hierarchy.Mountpoint, filepath.Dir(folder)} {
		if err := write(parent, "cgroup.subtree_control", strings.Join(controllers, " ")); err != nil {
			return folder, err
		}
	}
	return folder, nil
}
