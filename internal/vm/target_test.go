package vm

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTargetsNamePackages(t *testing.T) {
	for target, want := range map[string][]string{
		"stage03":                   {"./stage03-aufs-pivotroot"},
		"stage3":                    {"./stage03-aufs-pivotroot"},
		"final":                     {"./final/..."},
		"all":                       {"./..."},
		"./final/cgroup":            {"./final/cgroup"},
		"stage01, stage02,internal": {"./stage01-namespaces", "./stage02-cgroups", "./internal/..."},
	} {
		patterns, err := Patterns("../..", target)

		require.NoError(t, err, target)
		require.Equal(t, want, patterns, target)
	}
	for _, target := range []string{"stage0", "stage07", "stage", "nosuch", "stage01,", "../x", "-exec=x"} {
		_, err := Patterns("../..", target)

		require.ErrorContains(t, err, "stage01 to stage06", target)
	}
}

func TestWithoutATargetThereAreTheTestsOfCgroups(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "stage02-cgroups"), 0o755))

	patterns, err := Patterns(root, "")
	require.NoError(t, err)
	require.Equal(t, []string{"./stage02-cgroups"}, patterns)

	require.NoError(t, os.MkdirAll(filepath.Join(root, "final/cgroup"), 0o755))
	patterns, err = Patterns(root, "")
	require.NoError(t, err)
	require.Equal(t, []string{"./stage02-cgroups", "./final/cgroup"}, patterns)
}
