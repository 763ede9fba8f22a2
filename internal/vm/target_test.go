package vm

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed/chapters"
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

// A test that builds what it runs cannot do so on a machine without Go.
func TestProgramsThatTestsRunAreKnown(t *testing.T) {
	built := regexp.MustCompile(`testbed\.Build\([\w.]+, "mytinydocker/([^"]+)"`)
	found := 0
	for _, folder := range []string{"stage*", "final", filepath.Join("final", "*"), filepath.Join("internal", "testbed", "*")} {
		files, err := filepath.Glob(filepath.Join("..", "..", folder, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, match := range built.FindAllStringSubmatch(string(content), -1) {
				found++
				require.Contains(t, append(chapters.Programs, "./final"), "./"+match[1], file)
			}
		}
	}
	require.Greater(t, found, 2)
}
