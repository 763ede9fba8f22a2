package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// Whoever presses Ctrl-C while a container is being made does not want what has been
// made by then. Here somebody else is unpacking an image, and run has to wait.
func TestSignalBeforeTheStartLeavesNothing(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	layers := filepath.Join(rootOf(t), "layers")
	require.NoError(t, os.MkdirAll(layers, 0o700))
	unlock, err := lock(layers)
	require.NoError(t, err)
	running := container(t, []string{"--pids-limit", "100"}, "echo", "ran").Start(t)
	testbed.Eventually(t, "its cgroup", func() bool { return len(ours(t)) == 1 })

	running.Signal(syscall.SIGTERM)
	unlock()

	result := running.Wait()
	require.Equal(t, 128+15, result.Code)
	require.Empty(t, result.Stdout)
	requireOneLine(t, result.Stderr)
	require.Empty(t, ours(t))
	require.Empty(t, mountsBelow(t, rootOf(t)))
	left, err := filepath.Glob(filepath.Join(rootOf(t), "containers", "*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
