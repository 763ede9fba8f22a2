package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A guard that nobody has listed is a guard of which nobody knows whether it is needed.
func TestEachExhibitHasAGuard(t *testing.T) {
	page, err := os.ReadFile("../../final/museum/README.md")
	require.NoError(t, err)
	guarded := make(map[string]bool)
	for _, guard := range museum {
		guarded[guard.Exhibit] = true
	}
	exhibits := regexp.MustCompile("(?m)^\\| `(Test\\w+)` \\|").FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, exhibits)
	for _, found := range exhibits {
		require.True(t, guarded[found[1]], "%s has no guard in the table of internal/mutate", found[1])
		delete(guarded, found[1])
	}
	require.Empty(t, guarded, "these are no exhibits")
}

func TestEachGuardIsInItsFile(t *testing.T) {
	names := make(map[string]bool)
	for _, guard := range museum {
		_, err := edited("../..", guard.Edits)
		require.NoError(t, err, guard.Name)
		require.NotEmpty(t, guard.Edits, guard.Name)
		require.False(t, names[guard.Name], "two are called %q", guard.Name)
		names[guard.Name] = true
		for _, edit := range guard.Edits {
			require.True(t, strings.HasPrefix(edit.File, "final/") && !strings.HasSuffix(edit.File, "_test.go"), "%s: %s", guard.Name, edit.File)
		}
	}
}

func TestGuardsAreChosen(t *testing.T) {
	guards := []Guard{{Name: "a wall", Exhibit: "TestWall"}, {Name: "a door", Exhibit: "TestDoor"}}

	chosen, err := chosenGuards(guards, "TestWall")
	require.NoError(t, err)
	require.Equal(t, guards[:1], chosen)
	chosen, err = chosenGuards(guards, "door")
	require.NoError(t, err)
	require.Equal(t, guards[1:], chosen)
	_, err = chosenGuards(guards, "window")
	require.ErrorContains(t, err, "window")
}
