package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mytinydocker/final/storage"
)

// Fill has a volume begin with what copy puts into a folder, if it is empty and has
// not been filled before. It gets that folder's owner and mode, too. What is copied
// is complete before any of it is in the volume; a Fill that was killed is
// continued by the next one.
func (s *Store) Fill(name string, copy func(folder string) error) error {
	if err := checkName(name); err != nil {
		return err
	}
	unlock, err := s.lock(name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.fill(name, copy); err != nil {
		return fmt.Errorf("fill the volume %s: %w", name, err)
	}
	return nil
}

func (s *Store) fill(name string, copy func(folder string) error) error {
	copied := s.path(name, "copied")
	if _, err := os.Lstat(copied); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, s.move(name))
	}
	if _, err := os.Lstat(s.path(name, "filled")); err == nil {
		return nil
	}
	inside, err := os.ReadDir(s.Path(name))
	if err != nil || len(inside) > 0 {
		return err
	}
	copying := s.path(name, "copying")
	if err := storage.RemoveAll(copying); err != nil { // of somebody who was killed
		return err
	}
	if err := os.Mkdir(copying, 0o755); err != nil {
		return err
	}
	if err := copy(copying); err != nil {
		return errors.Join(err, storage.RemoveAll(copying))
	}
	if err := os.Rename(copying, copied); err != nil {
		return err
	}
	return s.move(name)
}

// move moves what was copied into the volume. What a container has put there
// meanwhile stays. The folder itself cannot be replaced: it may be mounted.
func (s *Store) move(name string) error {
	copied, data := s.path(name, "copied"), s.Path(name)
	entries, err := os.ReadDir(copied)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		err := unix.Renameat2(unix.AT_FDCWD, filepath.Join(copied, entry.Name()), unix.AT_FDCWD, filepath.Join(data, entry.Name()), unix.RENAME_NOREPLACE)
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("move %q: %w", entry.Name(), err)
		}
	}
	var stat unix.Stat_t
	if err := unix.Lstat(copied, &stat); err != nil {
		return err
	}
	if err := os.Lchown(data, int(stat.Uid), int(stat.Gid)); err != nil {
		return err
	}
	if err := unix.Chmod(data, stat.Mode&0o7777); err != nil {
		return err
	}
	filled, err := os.OpenFile(s.path(name, "filled"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(filled.Close(), storage.RemoveAll(copied))
}
