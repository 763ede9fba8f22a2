package storage

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

func opener(content []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}

func TestLayerIsCompleteOrAbsent(t *testing.T) {
	content := tarOf(t, file("a", "content"), file("b", strings.Repeat("x", 10_000)))
	layers := NewLayers(t.TempDir(), Overlay{})
	id := digest.FromBytes(content)

	for name, broken := range map[string][]byte{
		"cut short": content[:3000],
		"empty":     {},
		"other":     tarOf(t, file("c", "other")),
		"appended":  append(bytes.Clone(content), 0),
	} {
		_, err := layers.Ensure(id, opener(broken))
		require.Error(t, err, name)
		require.NoDirExists(t, layers.Path(id), name)
		partial, err := filepath.Glob(filepath.Join(layers.root, "partial", "*"))
		require.NoError(t, err)
		require.Empty(t, partial, name)
	}
	path, err := layers.Ensure(id, opener(content))
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(path, "b"))
}

func TestLayerIsUnpackedOnce(t *testing.T) {
	content := tarOf(t, file("a", "content"))
	layers := NewLayers(t.TempDir(), Overlay{})
	var mutex sync.Mutex
	opened := 0
	open := func() (io.ReadCloser, error) {
		mutex.Lock()
		defer mutex.Unlock()
		opened++
		return opener(content)()
	}

	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := layers.Ensure(digest.FromBytes(content), open); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()

	require.Equal(t, 1, opened)
	_, err := layers.Ensure(digest.FromBytes(content), func() (io.ReadCloser, error) { return nil, errors.New("not needed") })
	require.NoError(t, err)
}

func TestTidyRemovesWhatDeadUnpackersLeft(t *testing.T) {
	layers := NewLayers(t.TempDir(), Overlay{})
	require.NoError(t, layers.Tidy(), "nothing has been unpacked yet")
	dead, working := digest.FromString("dead"), digest.FromString("working")
	for _, id := range []digest.Digest{dead, working} {
		require.NoError(t, os.MkdirAll(filepath.Join(layers.partial(id), "etc"), 0o755))
	}
	unlock, err := layers.lock(working)
	require.NoError(t, err)
	defer unlock()

	require.NoError(t, layers.Tidy())

	require.NoDirExists(t, layers.partial(dead))
	require.DirExists(t, layers.partial(working))
}

// What fills the disk is not worth a layer.
func TestLayerHasALimit(t *testing.T) {
	content := tarOf(t, file("a", strings.Repeat("x", 10_000)))
	layers := NewLayers(t.TempDir(), Overlay{})
	layers.Limits = Limits{Bytes: 10_000}

	_, err := layers.Ensure(digest.FromBytes(content), opener(content))

	require.ErrorAs(t, err, &TooLargeError{})
	require.NoDirExists(t, layers.Path(digest.FromBytes(content)))
}

// An endless stream behind the end of the archive ends, too.
func TestLayerHasALimitBehindItsEnd(t *testing.T) {
	content := tarOf(t, file("a", "x"))
	layers := NewLayers(t.TempDir(), Overlay{})
	layers.Limits = Limits{Bytes: 1 << 20}

	_, err := layers.Ensure(digest.FromBytes(content), func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(content), zeros{})), nil
	})

	require.ErrorAs(t, err, &TooLargeError{})
}

type zeros struct{}

func (zeros) Read(buffer []byte) (int, error) { clear(buffer); return len(buffer), nil }

// What is kept of a layer goes with it, even if somebody was killed at its removal.
func TestSweptLayerLeavesNothing(t *testing.T) {
	layers := NewLayers(t.TempDir(), Overlay{})
	diffID := digest.FromString("any")
	require.NoError(t, os.MkdirAll(layers.Path(diffID), 0o700))
	_, err := layers.Size(diffID)
	require.NoError(t, err)
	require.FileExists(t, layers.sizePath(diffID))

	lock := filepath.Join(layers.root, "locks", strings.Repeat("0", 64)) // of one that was never made
	require.NoError(t, os.MkdirAll(filepath.Dir(lock), 0o700))
	require.NoError(t, os.WriteFile(lock, nil, 0o600))

	require.NoError(t, layers.Sweep(nil))

	for _, folder := range []string{"sha256", "sizes", "locks", "partial"} {
		entries, err := os.ReadDir(filepath.Join(layers.root, folder))
		require.NoError(t, err)
		require.Empty(t, entries, folder)
	}
}
