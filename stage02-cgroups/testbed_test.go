package main

import (
	"testing"

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
