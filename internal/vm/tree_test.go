package vm

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/cpio"
)

// unpack reads an archive as a kernel does: the names in order, what is in files
// and links, and the modes.
func unpack(t *testing.T, archive []byte) (order []string, content map[string]string, modes map[string]uint64) {
	t.Helper()
	records, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(archive)))
	require.NoError(t, err)
	content, modes = make(map[string]string), make(map[string]uint64)
	for _, record := range records {
		if record.Name == cpio.Trailer {
			continue
		}
		text, err := io.ReadAll(io.NewSectionReader(record, 0, int64(record.FileSize)))
		require.NoError(t, err)
		require.Zero(t, record.UID, record.Name)
		order, content[record.Name], modes[record.Name] = append(order, record.Name), string(text), record.Mode
	}
	return order, content, modes
}

func TestTreeHasFoldersFirstAndNothingTwice(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, []byte("first"), 0o755))
	var archive bytes.Buffer
	tree := NewTree(&archive)

	require.NoError(t, tree.File("/a/b/program", program))
	require.NoError(t, tree.Text("/a/b/program", "second", 0o600))
	require.NoError(t, tree.Device("/dev/null", 0o666, 1, 3))
	require.NoError(t, tree.Folder("/a", 0o700))
	require.NoError(t, tree.Close())

	order, content, modes := unpack(t, archive.Bytes())
	require.Equal(t, []string{"a", "a/b", "a/b/program", "dev", "dev/null"}, order)
	require.Equal(t, "first", content["a/b/program"])
	require.EqualValues(t, cpio.S_IFREG|0o755, modes["a/b/program"])
	require.EqualValues(t, cpio.S_IFCHR|0o666, modes["dev/null"])
}

// A program is often a link to a link, in a folder that is one.
func TestTreeFollowsLinks(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "usr/bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "usr/bin/mawk"), []byte("program"), 0o755))
	require.NoError(t, os.Symlink("usr/bin", filepath.Join(folder, "bin")))
	require.NoError(t, os.Symlink(filepath.Join(folder, "alternative"), filepath.Join(folder, "usr/bin/awk")))
	require.NoError(t, os.Symlink("bin/mawk", filepath.Join(folder, "alternative")))
	var archive bytes.Buffer
	tree := NewTree(&archive)

	require.NoError(t, tree.Like("/tree", filepath.Join(folder, "bin/awk")))
	require.NoError(t, tree.Close())

	_, content, modes := unpack(t, archive.Bytes())
	at := filepath.Join("tree", folder)
	for name, want := range map[string]string{
		"bin": "usr/bin", "usr/bin/awk": filepath.Join(folder, "alternative"), "alternative": "bin/mawk", "usr/bin/mawk": "program",
	} {
		require.Equal(t, want, content[filepath.Join(at, name)], name)
	}
	require.EqualValues(t, cpio.S_IFLNK, modes[filepath.Join(at, "bin")]&cpio.S_IFMT)
}

func TestTreeLeavesOut(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{".git/config", "bin/vm/root.cpio", "pkg/bin/kept", "pkg/.hidden", "pkg/a_test.go"} {
		require.NoError(t, os.MkdirAll(filepath.Join(folder, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
	var archive bytes.Buffer
	tree := NewTree(&archive)

	require.NoError(t, tree.Copy("/src", folder, func(name string) bool { return name == "bin" }))
	require.NoError(t, tree.Close())

	order, _, _ := unpack(t, archive.Bytes())
	require.Equal(t, []string{"src", "src/pkg", "src/pkg/a_test.go", "src/pkg/bin", "src/pkg/bin/kept"}, order)
}
