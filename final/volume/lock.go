package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// errLocked means that somebody works on the volume.
var errLocked = errors.New("the volume is being worked on")

// lock waits for the lock of a volume, which the kernel releases when its holder dies
// (flock(2)).
func (s *Store) lock(name string) (unlock func(), err error) { return s.acquire(name, unix.LOCK_EX) }

// tryLock takes the lock, or returns errLocked.
func (s *Store) tryLock(name string) (unlock func(), err error) {
	return s.acquire(name, unix.LOCK_EX|unix.LOCK_NB)
}

func (s *Store) acquire(name string, how int) (unlock func(), err error) {
	for {
		file, err := s.lockOnce(name, how)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EINTR) {
			continue // its last holder has removed it
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errLocked
		}
		if err != nil {
			return nil, fmt.Errorf("lock the volume %s: %w", name, err)
		}
		return func() { s.unlock(name, file) }, nil
	}
}

// lockOnce returns fs.ErrNotExist if what it has locked is not the file any more that
// others lock.
func (s *Store) lockOnce(name string, how int) (*os.File, error) {
	if err := os.MkdirAll(s.path(".locks"), 0o700); err != nil {
		return nil, err
	}
	path := s.path(".locks", name)
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

// unlock lets others work on a volume. The lock of one that there is no more goes, too.
func (s *Store) unlock(name string, file *os.File) {
	if _, err := os.Lstat(s.path(name)); errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(s.path(".locks", name)) // one that stays is in nobody's way
	}
	file.Close()
}
