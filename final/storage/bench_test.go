package storage

import (
	"archive/tar"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// largeLayer makes a layer of 500 MB in 20000 files, as an image with a language
// and its libraries has it.
func largeLayer(b *testing.B) (path string, id digest.Digest) {
	b.Helper()
	testbed.Require(b, testbed.Root)
	path = filepath.Join(b.TempDir(), "layer.tar")
	layer, err := os.Create(path)
	require.NoError(b, err)
	defer layer.Close()
	digester := digest.Canonical.Digester()
	writer := tar.NewWriter(io.MultiWriter(layer, digester.Hash()))
	random := rand.NewChaCha8([32]byte{})
	for index := range 20_000 {
		if index%100 == 0 {
			require.NoError(b, writer.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: fmt.Sprintf("usr/lib/%d/", index/100), Mode: 0o755}))
		}
		require.NoError(b, writer.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: fmt.Sprintf("usr/lib/%d/%d.so", index/100, index), Mode: 0o644, Size: 25_000,
		}))
		_, err := io.CopyN(writer, random, 25_000)
		require.NoError(b, err)
	}
	require.NoError(b, writer.Close())
	return path, digester.Digest()
}

// BenchmarkUnpackLarge is to take no more than 1.1 times what BenchmarkTarLarge
// takes in the same run. Both write to disk what they have unpacked.
func BenchmarkUnpackLarge(b *testing.B) {
	path, id := largeLayer(b)
	for b.Loop() {
		root := b.TempDir()
		_, err := NewLayers(root, Overlay{}).Ensure(id, func() (io.ReadCloser, error) { return os.Open(path) })
		require.NoError(b, err)
		b.StopTimer()
		require.NoError(b, RemoveAll(root))
		b.StartTimer()
	}
}

func BenchmarkTarLarge(b *testing.B) {
	path, _ := largeLayer(b)
	for b.Loop() {
		target := b.TempDir()
		require.NoError(b, exec.Command("tar", "-C", target, "-xf", path).Run())
		folder, err := os.Open(target)
		require.NoError(b, err)
		require.NoError(b, unix.Syncfs(int(folder.Fd())))
		require.NoError(b, folder.Close())
		b.StopTimer()
		require.NoError(b, RemoveAll(target))
		b.StartTimer()
	}
}
