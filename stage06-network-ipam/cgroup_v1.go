package main

import (
	"os"
	"path/filepath"
	"strings"
)

// v1 makes cgroups below the one that we are in ourselves: whoever has limited us
// limits our containers, too.
type v1 struct{}

func (v1) create(hierarchy Hierarchy, id string, wanted []subsystem) (string, error) {
	folder, err := makeFolder(hierarchy.Own, id)
	if err != nil {
		return "", err
	}
	for _, subsystem := range wanted {
		if subsystem.name() == "cpuset" {
			if err := inheritCPUSet(hierarchy.Own, filepath.Dir(folder), folder); err != nil {
				return folder, err
			}
		}
	}
	return folder, nil
}

// inheritCPUSet gives each cgroup the cpus and the memory nodes of the one above.
// A new one has none at all, and until it has both, no process can be put into it
// (cpuset(7)).
func inheritCPUSet(path ...string) error {
	for index := range path[1:] {
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			value, err := os.ReadFile(filepath.Join(path[index], file))
			if err != nil {
				return err
			}
			if err := write(path[index+1], file, strings.TrimSpace(string(value))); err != nil {
				return err
			}
		}
	}
	return nil
}
