package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"mytinydocker/final/storage"
)

// Sweep removes the blobs and layers that nobody refers to, and returns how many
// bytes of blobs these were. While somebody holds the store nothing is removed, but
// whoever lets go last sweeps.
func (s *Store) Sweep() (int64, error) {
	unlock, err := s.lock(whole, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return 0, replaceFile(s.path("garbage"), nil)
	}
	if err != nil {
		return 0, err
	}
	defer unlock()
	used, err := s.used()
	if errors.Is(err, ErrDamaged) || errors.Is(err, ErrUnknownUse) {
		// It may be made of anything: until it is mended or removed, all stays.
		return 0, replaceFile(s.path("garbage"), nil)
	}
	if err != nil {
		return 0, fmt.Errorf("find out what the images are made of: %w", err)
	}
	freed, err := s.sweepBlobs(used)
	if err != nil {
		return freed, fmt.Errorf("remove what no image refers to: %w", err)
	}
	if err := s.layers.Sweep(used); err != nil {
		return freed, err
	}
	// Whoever writes something half, or waits for one of these locks, holds the store.
	err = errors.Join(
		removeFiles(s.path("partial"), func(fs.DirEntry) bool { return true }),
		removeFiles(s.path("names"), isHalf),
		removeFiles(s.path("locks"), func(entry fs.DirEntry) bool { return entry.Name() != whole && entry.Name() != "index" }),
		removeFiles(s.root, func(entry fs.DirEntry) bool { return entry.Name() == "garbage" || isHalf(entry) }),
	)
	return freed, err
}

// isHalf reports whether a file was not finished.
func isHalf(entry fs.DirEntry) bool { return strings.HasPrefix(entry.Name(), ".") }

// used returns the digests of all that somebody refers to, blobs and layers.
func (s *Store) used() (map[digest.Digest]bool, error) {
	used := make(map[digest.Digest]bool)
	records, err := s.records()
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		image, err := s.image(record)
		if err != nil {
			return nil, err
		}
		used[record.Manifest.Digest], used[record.Source], used[image.ID] = true, true, true
		for index, blob := range image.blobs {
			used[blob.Digest], used[image.Layers()[index]] = true, true
		}
	}
	builtIn, err := listBuiltIn()
	if err != nil {
		return nil, err
	}
	for _, image := range builtIn {
		for _, layer := range image.Layers() {
			used[layer] = true
		}
	}
	if s.InUse == nil {
		return used, nil
	}
	layers, err := s.InUse()
	for _, layer := range layers {
		used[layer] = true
	}
	return used, err
}

func (s *Store) sweepBlobs(used map[digest.Digest]bool) (freed int64, err error) {
	folder := s.path(v1.ImageBlobsDir, digest.Canonical.String())
	err = removeFiles(folder, func(entry fs.DirEntry) bool {
		if used[digest.NewDigestFromEncoded(digest.Canonical, entry.Name())] {
			return false
		}
		if info, err := entry.Info(); err == nil {
			freed += info.Size()
		}
		return true
	})
	return freed, err
}

// removeFiles removes those files of a folder that it is told to.
func removeFiles(folder string, doomed func(fs.DirEntry) bool) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if !doomed(entry) {
			continue
		}
		if err := storage.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
