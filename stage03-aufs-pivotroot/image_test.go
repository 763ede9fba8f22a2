package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
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

// Who comes while somebody else unpacks waits, and finds what that one has made.
func TestLayerIsWaitedFor(t *testing.T) {
	root, other := t.TempDir(), t.TempDir()
	for _, folder := range []string{root, other} {
		addImage(t, folder, "one", archiveOf(t, file("a", "content")))
	}
	same, err := Layer(other, "one")
	require.NoError(t, err)
	layer := filepath.Join(root, "layers", filepath.Base(same))
	require.NoError(t, os.MkdirAll(filepath.Dir(layer), 0o700))
	unlock, err := lock(filepath.Dir(layer))
	require.NoError(t, err)
	unpacked := make(chan error, 1)

	go func() {
		_, err := Layer(root, "one")
		unpacked <- err
	}()
	eventuallyWaits(t, os.Getpid())
	require.NoDirExists(t, layer, "it is unpacked while somebody else has the lock")
	require.NoError(t, os.MkdirAll(filepath.Join(layer, "by somebody else"), 0o755))
	unlock()

	require.NoError(t, <-unpacked)
	require.NoFileExists(t, filepath.Join(layer, "a"), "it is unpacked once more")
}

// eventuallyWaits waits until a process waits for a lock. /proc/locks has a line for
// each lock, and one with an arrow for each who waits for it.
func eventuallyWaits(t *testing.T, pid int) {
	t.Helper()
	waiting := regexp.MustCompile(fmt.Sprintf(`-> FLOCK\s+ADVISORY\s+WRITE %d `, pid))
	testbed.Eventually(t, "the process to wait for the lock", func() bool {
		locks, err := os.ReadFile("/proc/locks")
		require.NoError(t, err)
		return waiting.Match(locks)
	})
}

// Somebody was killed while unpacking.
func TestWhatWasLeftHalfUnpackedIsNoPartOfTheLayer(t *testing.T) {
	root := t.TempDir()
	addImage(t, root, "one", archiveOf(t, file("a", "content")))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "partial/stray"), 0o700))

	layer, err := Layer(root, "one")

	require.NoError(t, err)
	require.NoDirExists(t, filepath.Join(layer, "stray"))
	info, err := os.Stat(layer)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode().Perm(), "everybody in the container looks into it")
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
