package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"mytinydocker/final/storage"
)

// Remove removes a volume that no container uses; users are the containers that
// do. It follows no link, and removes nothing of a volume in which something is
// mounted.
func (s *Store) Remove(name string, users []string) error {
	if err := checkName(name); err != nil {
		return err
	}
	unlock, err := s.lock(name)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Lstat(s.path(name)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	if len(users) > 0 {
		return fmt.Errorf("the volume %s is in use by the container %.12s: remove that one first", name, users[0])
	}
	if err := s.remove(name); err != nil {
		return fmt.Errorf("remove the volume %s: %w", name, err)
	}
	return nil
}

func (s *Store) remove(name string) error {
	if err := notMounted(s.path(name)); err != nil {
		return err
	}
	// Half a volume is none: it loses its name first.
	removing := s.path(".old-" + name)
	if err := storage.RemoveAll(removing); err != nil { // of somebody who was killed
		return err
	}
	if err := os.Rename(s.path(name), removing); err != nil {
		return err
	}
	return storage.RemoveAll(removing)
}

// notMounted refuses a folder in which something is mounted.
func notMounted(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	mounts, err := mountinfo.GetMounts(func(info *mountinfo.Info) (skip, stop bool) {
		return info.Mountpoint != path && !strings.HasPrefix(info.Mountpoint, path+"/"), false
	})
	if err != nil {
		return fmt.Errorf("ask what is mounted: %w", err)
	}
	if len(mounts) > 0 {
		return fmt.Errorf("%s is mounted: umount it first", mounts[0].Mountpoint)
	}
	return nil
}

// Tidy removes what is left of volumes whose maker or remover has died.
func (s *Store) Tidy() error {
	entries, err := os.ReadDir(s.root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list the volumes: %w", err)
	}
	there := make(map[string]bool)
	for _, entry := range entries {
		there[entry.Name()] = true
		name, left := leftover(entry.Name())
		if !left {
			continue
		}
		if err := s.tidyVolume(name, s.path(entry.Name())); err != nil {
			return fmt.Errorf("remove what is left of the volume %s: %w", name, err)
		}
	}
	return s.tidyLocks(there)
}

// tidyLocks removes the locks of volumes that there are not.
func (s *Store) tidyLocks(there map[string]bool) error {
	locks, err := os.ReadDir(s.path(".locks"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list the locks of the volumes: %w", err)
	}
	for _, lock := range locks {
		if there[lock.Name()] {
			continue
		}
		unlock, err := s.tryLock(lock.Name())
		if err == nil {
			unlock() // with which it goes
		}
		if err != nil && !errors.Is(err, errLocked) {
			return err
		}
	}
	return nil
}

func (s *Store) tidyVolume(name, left string) error {
	unlock, err := s.tryLock(name)
	if errors.Is(err, errLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Lstat(left); errors.Is(err, fs.ErrNotExist) {
		return nil // somebody else was faster
	}
	if err := notMounted(left); err != nil {
		return nil //nolint:nilerr // it can wait for who has mounted something there
	}
	return storage.RemoveAll(left)
}

// leftover returns the name of the volume that a folder was to be, or has been.
func leftover(folder string) (name string, is bool) {
	if name, is = strings.CutPrefix(folder, ".new-"); is {
		return name, true
	}
	return strings.CutPrefix(folder, ".old-")
}

// isOld reports whether nobody can be working on what begins so any more.
func (s *Store) isOld(name string) bool {
	var stat unix.Stat_t
	return unix.Lstat(s.path(name), &stat) == nil && time.Since(time.Unix(stat.Ctim.Unix())) >= time.Hour
}

// Pruned are the volumes that were removed, and how many bytes they had.
type Pruned struct {
	Names []string
	Freed int64
}

// Prune removes the volumes that no container uses: those without a name of their
// own or, with all, every one. users returns the containers that use a volume.
func (s *Store) Prune(all bool, users func(name string) []string, keep func(*Volume) bool) (pruned Pruned, err error) {
	volumes, err := s.List()
	if err != nil {
		return pruned, err
	}
	for _, volume := range volumes {
		if !all && !volume.Anonymous || len(users(volume.Name)) > 0 || keep != nil && keep(volume) || volume.Created.IsZero() {
			continue
		}
		size := s.size(volume.Name)
		err := s.Remove(volume.Name, users(volume.Name))
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return pruned, err
		}
		pruned.Names, pruned.Freed = append(pruned.Names, volume.Name), pruned.Freed+size
	}
	return pruned, nil
}

// size is how many bytes a volume's files have, as far as they can be counted.
func (s *Store) size(name string) (size int64) {
	_ = filepath.WalkDir(s.Path(name), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be seen is not counted
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}
