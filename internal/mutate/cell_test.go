package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// A broken program runs as root. It finds a machine of its own.
func TestCellKeepsTheHostAsItIs(t *testing.T) {
	testbed.Require(t, testbed.Root)
	work := testbed.StateRoot(t)
	marker := "/etc/" + testbed.Name(t)
	script := "chmod 600 /dev/null; chown 1000 /dev/null; rm /dev/zero; touch " + marker + "; touch /tmp/marker; " +
		"echo 1 >/proc/sys/kernel/core_pattern; kill -9 -1; echo $$; touch " + cellWork + "/made; grep CapBnd /proc/self/status"
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	require.NoError(t, err)
	other := exec.Command("sleep", "1000")
	require.NoError(t, other.Start())
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()

	output, late, err := inCell(work, time.Minute, nil, "/bin/sh", "-c", script)

	require.NoError(t, err, output)
	require.False(t, late)
	require.Contains(t, output, "\n1\n", "its processes are its own")
	require.NoError(t, hostIsWell())
	require.FileExists(t, "/dev/zero")
	require.NoFileExists(t, marker)
	require.NoFileExists(t, "/tmp/marker")
	require.FileExists(t, work+"/made")
	require.NoError(t, syscall.Kill(other.Process.Pid, 0))
	now, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	require.NoError(t, err)
	require.Equal(t, pattern, now)
	require.NotContains(t, output, "CapBnd:\t000001ffffffffff")
}

func TestHostIsLookedAt(t *testing.T) {
	null := filepath.Join(testbed.StateRoot(t), "null")
	require.Error(t, isNull(null), "it is not there")
	testbed.Require(t, testbed.Root)
	require.NoError(t, syscall.Mknod(null, syscall.S_IFCHR|0o666, 1<<8|3))
	require.NoError(t, os.Chmod(null, 0o666))
	require.NoError(t, isNull(null))
	require.NoError(t, os.Chmod(null, 0o600))
	require.Error(t, isNull(null))
	require.NoError(t, os.Chmod(null, 0o666))
	require.NoError(t, os.Chown(null, 1000, 0))
	require.Error(t, isNull(null))
}
