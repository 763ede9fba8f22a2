package main

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestNameIsTakenWhileTheContainerIsThere(t *testing.T) {
	running := container(t, []string{"--name", "web"}, "sh", "-c", "echo ready; exec sleep 1000").Start(t)
	running.Expect("ready")

	second := container(t, []string{"--name", "web"}, "echo", "ran").Run(t)

	require.Equal(t, 125, second.Code)
	require.Equal(t, "mytinydocker: the container name \"web\" is taken\n", second.Stderr)
	require.Len(t, mountsBelow(t, rootOf(t)), 1, "the first is as it was")
	endFromOutside(t, running)
	require.Zero(t, container(t, []string{"--name", "web"}, "true").Run(t).Code)
}

func TestOneOfManyGetsTheName(t *testing.T) {
	rootOf(t)
	results := make([]testbed.Result, 8)
	var group sync.WaitGroup
	running := make([]*testbed.Process, len(results))
	for index := range results {
		running[index] = container(t, []string{"-i", "--name", "one"}, "cat").Start(t)
	}
	for index := range results {
		group.Go(func() { results[index] = running[index].Wait() })
	}
	group.Wait()

	refused := 0
	for _, result := range results {
		if result.Code != 0 {
			require.Contains(t, result.Stderr, "is taken")
			refused++
		}
	}
	require.Less(t, refused, len(results), "one at least has got it")
	left, err := filepath.Glob(filepath.Join(rootOf(t), "containers", "*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", ".", "..", "a", "-a", "a/b", "a b", "ä1", strings.Repeat("a", 65)} {
		require.Error(t, checkName(name), name)
	}
	for _, name := range []string{"web", "Web-1", "a_b.c", "00"} {
		require.NoError(t, checkName(name), name)
	}
}
