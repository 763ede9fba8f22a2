package testbed

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestNamesDiffer(t *testing.T) {
	first, second := Name(t), Name(t)
	require.NotEqual(t, first, second)
	require.Regexp(t, `^[a-z0-9][a-z0-9_.-]+$`, Name(t))
}

func TestStateRootIsPrivateAndGoesAway(t *testing.T) {
	recorded := &recorder{TB: t}
	root := StateRoot(recorded)
	require.Regexp(t, `^[a-zA-Z0-9/._-]{1,60}$`, root)
	info, err := os.Stat(root)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	recorded.cleanups[0]()

	require.NoDirExists(t, root)
	require.Empty(t, recorded.errors)
}

// Removing a tree through a mount removes what is mounted: that is how volumes
// have been lost.
func TestStateRootIsNotRemovedThroughAMount(t *testing.T) {
	Require(t, Root)
	recorded := &recorder{TB: t}
	root := StateRoot(recorded)
	precious := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(precious, nil, 0o600))
	target := filepath.Join(root, "volume")
	require.NoError(t, os.Mkdir(target, 0o700))
	require.NoError(t, unix.Mount(filepath.Dir(precious), target, "", unix.MS_BIND, ""))

	recorded.cleanups[0]()

	require.FileExists(t, precious)
	require.NoDirExists(t, root)
	require.Len(t, recorded.errors, 1)
	require.Contains(t, recorded.errors[0], target)
}

// Mount options separate with these, and a mount that escapes them is no test's
// subject by accident.
func TestFolderThatMountOptionsCannotNameIsRefused(t *testing.T) {
	for _, name := range []string{"a:b", "a,b", "a=b", "a b", `a\b`} {
		folder := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.Mkdir(folder, 0o755))

		result := inner(t, "Nothing", "TMPDIR="+folder).Run(t)

		require.Equal(t, 1, result.Code, result.Stdout)
		require.Contains(t, result.Stderr, "TMPDIR")
	}
}
