package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// Sweep removes the layers that are not used, of all drivers. The caller makes sure
// that nobody is about to use one. A layer loses its name before anything of it is
// lost.
func (l *Layers) Sweep(used map[digest.Digest]bool) error {
	for _, driver := range []Driver{Overlay{}, AUFS{}} {
		store := NewLayers(filepath.Dir(l.root), driver)
		if err := store.sweep(used); err != nil {
			return fmt.Errorf("remove the layers that nothing is made of: %w", err)
		}
	}
	return nil
}

func (l *Layers) sweep(used map[digest.Digest]bool) error {
	unused, err := l.unused(used)
	if err != nil {
		return err
	}
	for _, id := range unused {
		if err := l.remove(id); err != nil {
			return err
		}
	}
	return errors.Join(l.removeHalfSizes(), l.removeLocks())
}

// removeLocks removes the locks of layers that there are not.
func (l *Layers) removeLocks() error {
	locks, err := os.ReadDir(filepath.Join(l.root, "locks"))
	if err != nil {
		return ignoreMissing(err)
	}
	for _, lock := range locks {
		if exists(filepath.Join(l.root, "sha256", lock.Name())) {
			continue
		}
		unlock, err := l.flock(lock.Name(), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			unlock() // with which it goes
		}
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
	}
	return nil
}

// removeHalfSizes removes what is left of somebody who was killed when he had counted.
func (l *Layers) removeHalfSizes() error {
	entries, err := os.ReadDir(filepath.Join(l.root, "sizes"))
	if err != nil {
		return ignoreMissing(err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if err := ignoreMissing(os.Remove(filepath.Join(l.root, "sizes", entry.Name()))); err != nil {
			return err
		}
	}
	return nil
}

// Unused returns the layers that Sweep would remove.
func (l *Layers) Unused(used map[digest.Digest]bool) (all []digest.Digest, err error) {
	for _, driver := range []Driver{Overlay{}, AUFS{}} {
		unused, err := NewLayers(filepath.Dir(l.root), driver).unused(used)
		if err != nil {
			return nil, fmt.Errorf("find the layers that nothing is made of: %w", err)
		}
		all = append(all, unused...)
	}
	return all, nil
}

func (l *Layers) unused(used map[digest.Digest]bool) (unused []digest.Digest, err error) {
	entries, err := os.ReadDir(filepath.Join(l.root, digest.Canonical.String()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, entry := range entries {
		id := digest.NewDigestFromEncoded(digest.Canonical, entry.Name())
		if id.Validate() == nil && !used[id] {
			unused = append(unused, id)
		}
	}
	return unused, nil
}

func (l *Layers) remove(id digest.Digest) error {
	unlock, err := l.flock(id.Encoded(), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	partial := l.partial(id)
	if err := RemoveAll(partial); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(partial), 0o700); err != nil {
		return err
	}
	if err := ignoreMissing(os.Remove(l.sizePath(id))); err != nil {
		return err
	}
	err = os.Rename(l.Path(id), partial)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return RemoveAll(partial)
}
