package storage

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/final/users"
	"mytinydocker/internal/testbed"
)

// The root of a container that runs with users of its own shows the host's numbers.
func TestTreeOfOtherUsersIsCopiedByTheirNumbers(t *testing.T) {
	testbed.Require(t, testbed.Root)
	own := users.Range{First: 1 << 30, Count: 1 << 16}
	folder := t.TempDir()
	for name, owner := range map[string]int{"root": 1 << 30, "seven": 1<<30 + 7, "host": 0} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(name), 0o644))
		require.NoError(t, os.Chown(filepath.Join(folder, name), owner, owner))
	}
	root, err := os.Open(folder)
	require.NoError(t, err)
	defer root.Close()
	tree := Tree{Root: root, Users: own}
	found, err := tree.Look("/", true)
	require.NoError(t, err)
	var packed bytes.Buffer

	require.NoError(t, tree.Pack(&packed, found, ".", nil))

	owners := make(map[string]int)
	for reader := tar.NewReader(bytes.NewReader(packed.Bytes())); ; {
		header, err := reader.Next()
		if err != nil {
			break
		}
		owners[filepath.Base(header.Name)] = header.Uid
	}
	delete(owners, ".")
	require.Equal(t, map[string]int{"root": 0, "seven": 7, "host": users.Nobody}, owners)

	require.NoError(t, os.Mkdir(filepath.Join(folder, "copy"), 0o755))
	require.NoError(t, tree.Unpack(&packed, "/copy"))

	for name, owner := range map[string]uint32{"root": 1 << 30, "seven": 1<<30 + 7, "host": 1<<30 + users.Nobody} {
		var stat unix.Stat_t
		require.NoError(t, unix.Stat(filepath.Join(folder, "copy", name), &stat))
		require.Equal(t, []uint32{owner, owner}, []uint32{stat.Uid, stat.Gid}, name)
	}
}

// A folder that an archive does not describe belongs to whoever makes it.
func TestFolderThatIsMadeOnTheWayBelongsToTheTreesRoot(t *testing.T) {
	testbed.Require(t, testbed.Root)
	folder := t.TempDir()
	root, err := os.Open(folder)
	require.NoError(t, err)
	defer root.Close()
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	require.NoError(t, writer.WriteHeader(&tar.Header{Name: "above/made", Typeflag: tar.TypeReg, Mode: 0o644, Uid: 7}))
	require.NoError(t, writer.Close())

	require.NoError(t, Tree{Root: root, Users: users.Range{First: 1 << 30, Count: 1 << 16}}.Unpack(&archive, "/"))

	var stat unix.Stat_t
	require.NoError(t, unix.Stat(folder+"/above", &stat))
	require.Equal(t, uint32(1<<30), stat.Uid)
}

func TestTreeTakesNoUserThatItDoesNotHave(t *testing.T) {
	testbed.Require(t, testbed.Root)
	folder := t.TempDir()
	root, err := os.Open(folder)
	require.NoError(t, err)
	defer root.Close()
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	require.NoError(t, writer.WriteHeader(&tar.Header{Name: "made", Typeflag: tar.TypeReg, Mode: 0o644, Uid: 70000}))
	require.NoError(t, writer.Close())

	err = Tree{Root: root, Users: users.Range{First: 1 << 30, Count: 1 << 16}}.Unpack(&archive, "/")

	require.ErrorContains(t, err, "no user or group 70000")
}
