package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// What chapter 5 leaves open. Each of these attacks succeeds.

// The program that joins a container is one of the host's, and for a moment it is a
// process of the container. Whoever is root there can open the file that it was
// started from, and write to it when it has ended (CVE-2019-5736). The complete tool
// runs from a copy that nobody can write to.
func TestBreakContainerReachesTheProgramThatJoinsIt(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")
	process := toolCommand(t, "exec", "-i", name, "cat").Start(t)
	_ = process
	testbed.Eventually(t, "the program to run", func() bool {
		return len(childrenOf(t, process.Pid())) == 1
	})
	ours, err := os.Stat(testbed.Build(t, "."))
	require.NoError(t, err)
	// The monitor's view of it: what runs init is the file on the host.
	theirs, err := os.Stat(filepath.Join("/proc", strconv.Itoa(process.Pid()), "exe"))
	require.NoError(t, err)
	require.True(t, os.SameFile(ours, theirs))
}

// The log is a file that the container has open, and it can take back what it has
// printed. The complete tool reads a pipe and writes the log itself.
func TestBreakContainerRewritesItsLog(t *testing.T) {
	name := detached(t, nil, "sh", "-c", "echo guilty; exec sleep 1000")
	testbed.Eventually(t, "its output", func() bool { return tool(t, "logs", name).Stdout == "guilty\n" })

	require.Zero(t, tool(t, "exec", name, "sh", "-c", ": > /proc/1/fd/1").Code)

	require.Empty(t, tool(t, "logs", name).Stdout)
}
