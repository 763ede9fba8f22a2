package cgroup

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// modes are the ways in which this machine can be used: both versions as they are
// found, and each by itself, as far as it is there.
func modes(t *testing.T) map[string]*hierarchies {
	t.Helper()
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	found, err := findHierarchies()
	require.NoError(t, err)
	modes := map[string]*hierarchies{"as found": found}
	for version, name := range map[int]string{1: "version 1", 2: "version 2"} {
		other := func(h *hierarchy) bool { return h.version != version }
		if only := slices.DeleteFunc(slices.Clone(found.all), other); len(only) > 0 && len(only) < len(found.all) {
			modes[name] = &hierarchies{all: only}
		}
	}
	return modes
}

// bornIn starts a process in a cgroup of version 2.
func bornIn(t *testing.T, directory *os.File) int {
	t.Helper()
	command := exec.Command("sleep", "60")
	command.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(directory.Fd())}
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill() // the group may have been killed
		_ = command.Wait()
	})
	return command.Process.Pid
}
