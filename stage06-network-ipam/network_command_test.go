package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// networkCommandLine is `network COMMAND --root ROOT ARG...`.
func networkCommandLine(t *testing.T, root, command string, args ...string) testbed.Result {
	t.Helper()
	testbed.Require(t, testbed.Root, testbed.IPTables)
	return testbed.Run(t, testbed.Build(t, "."), append([]string{"network", command, "--root", root}, args...)...)
}

func TestNetworkCommands(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	root := testbed.StateRoot(t)
	before := strings.Join(linkNames(t), " ") + rulesNow(t)

	require.Equal(t, testbed.Result{Stdout: "NAME   DRIVER   SUBNET   GATEWAY\n"}, networkCommandLine(t, root, "ls"))
	require.Equal(t, testbed.Result{Stdout: "web\n"}, networkCommandLine(t, root, "create", "--driver", "bridge", "--subnet", "10.1.0.0/24", "web"))
	require.Equal(t, testbed.Result{Stdout: "data\n"}, networkCommandLine(t, root, "create", "--subnet", "10.20.0.0/16", "data"))
	require.Equal(t, testbed.Result{Stdout: "" +
		"NAME   DRIVER   SUBNET         GATEWAY\n" +
		"data   bridge   10.20.0.0/16   10.20.0.1\n" +
		"web    bridge   10.1.0.0/24    10.1.0.1\n"}, networkCommandLine(t, root, "ls"))

	result := networkCommandLine(t, root, "rm", "nosuch", "web", "neither", "data")

	require.Equal(t, 125, result.Code)
	require.Equal(t, "web\ndata\n", result.Stdout)
	require.Contains(t, result.Stderr, "no such network: nosuch")
	require.Contains(t, result.Stderr, "no such network: neither")
	require.Equal(t, before, strings.Join(linkNames(t), " ")+rulesNow(t))
}

// Ancestors of this program panicked where a flag was left out.
func TestBadNetworkCommandIsOneLine(t *testing.T) {
	root := testbed.StateRoot(t)
	for _, line := range [][]string{
		{"create", "web"}, {"create", "--subnet", "10.1.0.0/24"}, {"create", "--subnet", "10.1.0.0/24", "web", "data"},
		{"create", "--subnet", "", "web"}, {"create", "--subnet", "10.1.0.1/24", "web"}, {"create", "--subnet", "10.1.0.0/24", ""},
		{"create", "--driver", "none", "--subnet", "10.1.0.0/24", "web"}, {"create", "--nosuch", "web"},
		{"ls", "web"}, {"rm"}, {"rm", ""}, {"rm", ".."}, {"rm", "../networks"}, {"nosuch"},
	} {
		result := networkCommandLine(t, root, line[0], line[1:]...)

		require.Equal(t, 125, result.Code, line)
		require.Empty(t, result.Stdout, line)
		requireOneLine(t, result.Stderr)
		require.NoDirExists(t, root+"/networks", line)
	}
}
