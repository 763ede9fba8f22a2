package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// What chapter 4 leaves open. Each of these attacks succeeds.

// Root in the container is root on the host, where the two share a folder: it can
// leave a program there that makes anybody root. The complete tool can map the
// container's root to somebody unprivileged (user_namespaces(7)).
func TestBreakVolumeCarriesASetUserIDProgram(t *testing.T) {
	data := folderOfTheHost(t)

	result := container(t, []string{"-v", data + ":/data"}, "sh", "-c", "cp /bin/box /data/sh; chmod 4755 /data/sh").Run(t)

	require.Zero(t, result.Code, result.Stderr)
	info, err := os.Stat(filepath.Join(data, "sh"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSetuid)
	require.Zero(t, info.Sys().(*syscall.Stat_t).Uid)
}

// There is no record of a container but its folder, and no command that removes
// it. Chapter 5 has both. That the mounts stay is what the complete tool changes:
// it makes them in the container's own mount namespace.
func TestBreakNameOfAKilledParentStaysTaken(t *testing.T) {
	process := running(t, "web", "")
	child := onlyChild(t, process.Pid())

	process.Signal(syscall.SIGKILL)
	process.Wait()

	testbed.Eventually(t, "the container to end", func() bool { return !alive(t, child) })
	require.Len(t, mountsBelow(t, rootOf(t)), 1)
	require.Contains(t, container(t, []string{"--name", "web"}, "true").Run(t).Stderr, "is taken")
}
