package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What chapter 1 leaves open. Each of these attacks succeeds, and each has the
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

// Chapter 2: the container sits in the cgroups of whoever started it, so it may
// use as much memory and cpu, and start as many processes, as the machine has.
func TestBreakNothingIsLimited(t *testing.T) {
	ours, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)

	result := runContainer(t, "cat", "/proc/self/cgroup")

	require.Equal(t, string(ours), result.Stdout)
}
