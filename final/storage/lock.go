package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// flock locks a layer by the hexadecimal digits of its digest. The kernel releases
// the lock when its holder dies (flock(2)). With LOCK_NB the error for one that another
// process holds is EWOULDBLOCK. The lock of a layer that there is not goes when it is
// released.
func (l *Layers) flock(name string, how int) (unlock func(), err error) {
	path := filepath.Join(l.root, "locks", name)
	file, err := LockFile(path, how)
	if err != nil {
		return nil, fmt.Errorf("lock the layer %s: %w", name, err)
	}
	return func() {
		if !exists(filepath.Join(l.root, "sha256", name)) && !exists(filepath.Join(l.root, "partial", name)) {
			_ = os.Remove(path) // one that stays is in nobody's way
		}
		file.Close()
	}, nil
}

// LockFile locks the file at path, which is made, with its folder, if it is not there.
// Who holds the lock may remove the file: whoever waits for it then locks the next one.
// how is as for flock(2), and so are the errors.
func LockFile(path string, how int) (*os.File, error) {
	for {
		file, err := lockOnce(path, how)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EINTR) {
			continue // its last holder has removed it
		}
		return file, err
	}
}

// lockOnce returns fs.ErrNotExist if what it has locked is not the file any more that
// others lock.
func lockOnce(path string, how int) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), how); err != nil {
		file.Close()
		return nil, err
	}
	opened, err := file.Stat()
	if err == nil {
		var current os.FileInfo
		if current, err = os.Stat(path); err == nil && !os.SameFile(opened, current) {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
