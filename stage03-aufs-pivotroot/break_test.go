package main

import (
	"encoding/json"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/base/probe"
	"mytinydocker/internal/testbed"
)

// What chapter 3 leaves open. Each of these attacks succeeds.

// The complete tool assembles the root in the container's own mount namespace:
// then there is nothing to leave behind. Here it is mounted on the host, and who
// is killed cannot unmount.
func TestBreakMountOutlivesItsKilledParent(t *testing.T) {
	running := container(t, nil, "sh", "-c", "echo ready; exec sleep 1000").Start(t)
	running.Expect("ready")
	child := onlyChild(t, running.Pid())

	running.Signal(syscall.SIGKILL)
	running.Wait()

	testbed.Eventually(t, "the container to end", func() bool { return !alive(t, child) })
	require.Len(t, mountsBelow(t, rootOf(t)), 1)
}

// The complete tool gives up capabilities: root in a container need not be able
// to mount, load modules or set the clock. With them, a root of its own is no more
// than a courtesy: the host's disks are a mknod away.
func TestBreakEveryCapabilityIsStillThere(t *testing.T) {
	result := runContainer(t, "probe")

	var seen probe.Report
	require.NoError(t, json.Unmarshal([]byte(result.Stdout), &seen))
	require.Contains(t, seen.Capabilities["effective"], "CAP_SYS_ADMIN")
	require.Contains(t, seen.Capabilities["effective"], "CAP_MKNOD")
}
