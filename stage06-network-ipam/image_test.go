package main

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// layersOf returns the layers that have been unpacked, and what is left of others.
func layersOf(t *testing.T, root string) []string {
	t.Helper()
	layers, err := filepath.Glob(filepath.Join(root, "layers", "*"))
	require.NoError(t, err)
	return layers
}

func TestImageIsUnpackedOnce(t *testing.T) {
	root := t.TempDir()
	addImage(t, root, "one", archiveOf(t, file("a", "content")))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			layer, err := Layer(root, "one")
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := os.Stat(filepath.Join(layer, "a")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()

	require.Len(t, layersOf(t, root), 1)
}

// Who replaces an image wants to see the new one.
func TestChangedImageIsAnotherLayer(t *testing.T) {
	root := t.TempDir()
	addImage(t, root, "one", archiveOf(t, file("a", "old")))
	old, err := Layer(root, "one")
	require.NoError(t, err)
	addImage(t, root, "one", archiveOf(t, file("a", "new")))

	changed, err := Layer(root, "one")

	require.NoError(t, err)
	require.NotEqual(t, old, changed)
	content, err := os.ReadFile(filepath.Join(changed, "a"))
	require.NoError(t, err)
	require.Equal(t, "new", string(content))
}

func TestHalfAnImageIsNone(t *testing.T) {
	whole := archiveOf(t, file("a", "content"), file("b", string(make([]byte, 10_000))))
	for name, archive := range map[string][]byte{
		"cut short": whole[:3000], "no archive": []byte("hello"), "empty": archiveOf(t), "hostile": archiveOf(t, file("a", "x"), file("../b", "x")),
	} {
		root := t.TempDir()
		addImage(t, root, "one", archive)

		_, err := Layer(root, "one")

		require.Error(t, err, name)
		require.Empty(t, layersOf(t, root), name)
		require.NoDirExists(t, filepath.Join(root, "partial"), name)
	}
}

// A copy of an archive that ends between two of its files looks whole from inside.
func TestArchiveCutAnywhereIsNone(t *testing.T) {
	whole := archiveOf(t, file("a", "content"), file("b", "content"))
	for length := 0; length < len(whole); length += 256 {
		root := t.TempDir()
		addImage(t, root, "one", whole[:length])

		_, err := Layer(root, "one")

		require.ErrorIs(t, err, io.ErrUnexpectedEOF, length)
		require.Empty(t, layersOf(t, root), length)
	}
}

func TestImageNames(t *testing.T) {
	testbed.Require(t, testbed.Root)
	for _, name := range []string{"nosuch", "../images/base", "", ".", "..", "a/b", "Base", "-x"} {
		result := containerOf(t, name, []string{"--"}, "true").Run(t)

		require.Equal(t, 125, result.Code, "%q: %s", name, result.Stderr)
		requireOneLine(t, result.Stderr)
	}
}
