// Package storage keeps the layers of images: folders that are unpacked once,
// named by the digest of their content, and never changed.
package storage

import (
	_ "crypto/sha256" // for go-digest
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// Layers is the store of unpacked layers below one folder:
//
//	sha256/HEX     a layer, complete
//	partial/HEX    a layer that is being unpacked, or was when its unpacker died
//	locks/HEX      locked while it is unpacked
//	sizes/HEX      how many bytes it has
//
// Drivers write deletions down in different ways, so each has a store of its own.
type Layers struct {
	Driver Driver
	Limits Limits // of each layer
	root   string
}

// NewLayers returns the driver's store below root, which is made when it is
// needed.
func NewLayers(root string, driver Driver) *Layers {
	return &Layers{Driver: driver, root: filepath.Join(root, driver.Name())}
}

// Path returns the folder of a layer, which may not exist.
func (l *Layers) Path(diffID digest.Digest) string {
	return filepath.Join(l.root, diffID.Algorithm().String(), diffID.Encoded())
}

// Ensure returns the folder of the layer whose uncompressed tar archive has the
// digest diffID. If it does not exist, it is unpacked from what open returns; a
// content with another digest is an error. A layer appears under its name only
// when it is complete and on disk, and whoever comes while it is unpacked waits.
func (l *Layers) Ensure(diffID digest.Digest, open func() (io.ReadCloser, error)) (string, error) {
	if err := diffID.Validate(); err != nil {
		return "", fmt.Errorf("name a layer %q: %w", diffID, err)
	}
	path := l.Path(diffID)
	if exists(path) {
		return path, nil
	}
	unlock, err := l.lock(diffID)
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(path) {
		return path, nil // somebody else has been at it
	}
	if err := l.unpack(diffID, path, open); err != nil {
		return "", fmt.Errorf("unpack the layer %s: %w", diffID, err)
	}
	return path, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// lock waits for the lock of a layer.
func (l *Layers) lock(diffID digest.Digest) (unlock func(), err error) {
	return l.flock(diffID.Encoded(), unix.LOCK_EX)
}

// partial is where a layer is unpacked.
func (l *Layers) partial(diffID digest.Digest) string {
	return filepath.Join(l.root, "partial", diffID.Encoded())
}

// Tidy removes what is left of layers whose unpacker has died.
func (l *Layers) Tidy() error {
	entries, err := os.ReadDir(filepath.Join(l.root, "partial"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list half unpacked layers: %w", err)
	}
	for _, entry := range entries {
		unlock, err := l.flock(entry.Name(), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			continue // it is being unpacked
		}
		if err != nil {
			return err
		}
		err = RemoveAll(filepath.Join(l.root, "partial", entry.Name()))
		unlock()
		if err != nil {
			return fmt.Errorf("remove half a layer: %w", err)
		}
	}
	return nil
}

func (l *Layers) unpack(diffID digest.Digest, path string, open func() (io.ReadCloser, error)) (err error) {
	partial := l.partial(diffID)
	if err := RemoveAll(partial); err != nil { // of an unpacker that died
		return err
	}
	if err := os.MkdirAll(partial, 0o755); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, RemoveAll(partial))
		}
	}()
	archive, err := open()
	if err != nil {
		return err
	}
	defer archive.Close()
	content := newHashed(archive, diffID.Algorithm().Hash())
	err = Unpacker{Driver: l.Driver, Limits: l.Limits}.Unpack(content, partial)
	// The sum is waited for in any case: nobody is to read the archive any more.
	sum := content.sum()
	if err != nil {
		return err
	}
	if digest.NewDigest(diffID.Algorithm(), sum) != diffID {
		return errors.New("its content has another digest")
	}
	return publish(partial, path)
}

// publish gives a finished folder its name. What is in it reaches the disk
// before the name does.
func publish(partial, path string) error {
	if err := syncFilesystem(partial); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFilesystem(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return unix.Syncfs(int(folder.Fd()))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// Size returns the number of bytes in the files of a layer. A file with two
// names counts once. It is counted once, and kept beside the layer.
func (l *Layers) Size(diffID digest.Digest) (int64, error) {
	if content, err := os.ReadFile(l.sizePath(diffID)); err == nil {
		if size, err := strconv.ParseInt(string(content), 10, 64); err == nil {
			return size, nil
		}
	}
	size, err := l.count(diffID)
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(filepath.Dir(l.sizePath(diffID)), 0o700); err != nil {
		return 0, err
	}
	// Beside it, so that whoever is killed leaves nothing elsewhere.
	beside := renameio.WithTempDir(filepath.Dir(l.sizePath(diffID)))
	return size, renameio.WriteFile(l.sizePath(diffID), strconv.AppendInt(nil, size, 10), 0o600, beside)
}

func (l *Layers) sizePath(diffID digest.Digest) string {
	return filepath.Join(l.root, "sizes", diffID.Encoded())
}

func (l *Layers) count(diffID digest.Digest) (int64, error) {
	var size int64
	seen := make(map[uint64]bool)
	err := filepath.WalkDir(l.Path(diffID), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		var stat unix.Stat_t
		if err := unix.Lstat(path, &stat); err != nil {
			return err
		}
		if !seen[stat.Ino] {
			seen[stat.Ino] = true
			size += stat.Size
		}
		return nil
	})
	return size, err
}
