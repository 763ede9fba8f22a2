package engine

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
)

func writeFile(path, content string) error {
	return renameio.WriteFile(path, []byte(content), 0o644)
}

func ownerOf(info os.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }
func groupOf(info os.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Gid) }

// openInLayers opens a file of an image: the one in the highest layer that has
// it, or an empty one. A layer is somebody else's: os.Root follows no link out
// of it.
func openInLayers(layers []string, name string) (io.ReadCloser, error) {
	for _, layer := range slices.Backward(layers) {
		root, err := os.OpenRoot(layer)
		if err != nil {
			return nil, err
		}
		file, err := root.Open(name)
		root.Close()
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return io.NopCloser(strings.NewReader("")), nil
}
