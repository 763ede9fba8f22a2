package image

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/final/storage"
	"mytinydocker/internal/testbed"
)

// written makes what a container has written: 500 MB in 20000 files that compress
// about as programs do.
func written(b *testing.B) string {
	b.Helper()
	testbed.Require(b, testbed.Root)
	folder := b.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	content := make([]byte, 25_000)
	for index := range 20_000 {
		for offset := range content {
			content[offset] = byte(random.IntN(16))
		}
		path := filepath.Join(folder, fmt.Sprint(index/100), fmt.Sprint(index))
		require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(b, os.WriteFile(path, content, 0o644))
	}
	return folder
}

// BenchmarkCommitLarge is to take no more than 1.3 times what BenchmarkPigzLarge
// takes in the same run. Both write to disk.
func BenchmarkCommitLarge(b *testing.B) {
	upper := storage.Upper{Driver: storage.Overlay{}, Path: written(b)}
	for b.Loop() {
		store := New(b.TempDir(), nil)
		_, err := store.putLayer(upper.Diff)
		require.NoError(b, err)
	}
}

func BenchmarkPigzLarge(b *testing.B) {
	folder := written(b)
	if _, err := exec.LookPath("pigz"); err != nil {
		b.Skip("requires pigz: it is not there (apt install pigz)")
	}
	for b.Loop() {
		packed := filepath.Join(b.TempDir(), "layer.tar.gz")
		file, err := os.Create(packed)
		require.NoError(b, err)
		pack, zip := exec.Command("tar", "-C", folder, "-cf", "-", "."), exec.Command("pigz")
		zip.Stdout = file
		pipe, err := pack.StdoutPipe()
		require.NoError(b, err)
		zip.Stdin = io.Reader(pipe)
		require.NoError(b, zip.Start())
		require.NoError(b, pack.Start())
		require.NoError(b, zip.Wait())
		require.NoError(b, pack.Wait())
		require.NoError(b, file.Sync())
		require.NoError(b, file.Close())
	}
}
