package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// container is the command line `run FLAG... COMMAND...` of this chapter's
// program, ready to be run or started.
func container(t *testing.T, flags []string, command ...string) testbed.Command {
	t.Helper()
	testbed.Require(t, testbed.Root)
	return testbed.Command{
		Path: testbed.Build(t, "."),
		Args: append(append([]string{"run"}, flags...), command...),
	}
}

// runContainer runs command in a container without flags and waits for it.
func runContainer(t *testing.T, command ...string) testbed.Result {
	t.Helper()
	return container(t, nil, command...).Run(t)
}

// mountAsInit mounts what init mounts, for the thread that calls it.
func mountAsInit() error { return mountProc() }

// textFile makes a file and returns its path inside of a container.
func textFile(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), mode))
	return path
}

// box is the path of the program with the probes, inside of a container.
func box(t *testing.T) string {
	t.Helper()
	return testbed.Build(t, "mytinydocker/internal/base/box")
}
