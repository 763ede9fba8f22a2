package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// What chapter 2 leaves open. Each of these attacks succeeds, and each has the
// chapter that ends it.

// Chapter 3: a mount namespace alone is a copy of the host's mounts, so / is
// still the host's, and root inside is root outside.
func TestBreakFilesOfTheHostAreInReach(t *testing.T) {
	victim := filepath.Join(t.TempDir(), "victim")
	require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o600))

	result := runContainer(t, "sh", "-c", `cat "$1" && echo overwritten > "$1"`, "sh", victim)

	require.Equal(t, "precious", result.Stdout)
	content, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "overwritten\n", string(content))
}

// Chapter 3, again: so are the files that are the cgroups, and root may write to
// them. A container can simply leave.
func TestBreakLimitsCanBeLifted(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)

	result := container(t, []string{"--pids-limit", "20"}, "sh", "-c", `
		for group in $(find /sys/fs/cgroup -path '*/mytinydocker/*/pids.max'); do
			grep -q "^20$" "$group" && echo max > "$group"
		done
		find /sys/fs/cgroup -path '*/mytinydocker/*/pids.max' -exec cat {} ";"`).Run(t)

	require.Equal(t, testbed.Result{Stdout: "max\n"}, result)
}

// The complete tool: what runs the container cleans up behind it, and cannot if
// it is killed. An empty cgroup stays. (`go tool mage clean` removes it.)
func TestBreakCgroupOutlivesItsKilledParent(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	running := container(t, []string{"--pids-limit", "20"}, "sh", "-c", "echo ready; exec sleep 1000").Start(t)
	running.Expect("ready")
	child := onlyChild(t, running.Pid())

	running.Signal(syscall.SIGKILL)
	running.Wait()

	testbed.Eventually(t, "the container to end", func() bool { return !alive(t, child) })
	left := ours(t)
	require.NotEmpty(t, left)
	for _, group := range left {
		testbed.Eventually(t, "the empty cgroup to be removable", func() bool { return os.Remove(group) == nil })
		_ = os.Remove(filepath.Dir(group)) // another container may be in it
	}
}
