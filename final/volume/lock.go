package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"mytinydocker/final/storage"
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
	file, err := storage.LockFile(s.path(".locks", name), how)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errLocked
	}
	if err != nil {
		return nil, fmt.Errorf("lock the volume %s: %w", name, err)
	}
	return func() { s.unlock(name, file) }, nil
}

// unlock lets others work on a volume. The lock of one that there is no more goes, too.
func (s *Store) unlock(name string, file *os.File) {
	if _, err := os.Lstat(s.path(name)); errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(s.path(".locks", name)) // one that stays is in nobody's way
	}
	file.Close()
}
