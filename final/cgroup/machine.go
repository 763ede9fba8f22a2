package cgroup

import (
	"fmt"
	"os"
	"strings"
)

// inFile says in which file of a cgroup there is something that we do not understand.
func inFile(group folder, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read %s: %w", group.path(name), err)
}

// machineHasSwap reports whether the machine has any swap now (proc_swaps(5)).
func machineHasSwap() (bool, error) {
	content, err := os.ReadFile("/proc/swaps")
	if err != nil {
		return false, err
	}
	return strings.Count(string(content), "\n") > 1, nil // the first line is a heading
}
