package image

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lock waits for a lock of the store, which the kernel releases when its holder
// dies. With LOCK_NB, the error for one that another process holds is EWOULDBLOCK.
func (s *Store) lock(name string, how int) (unlock func(), err error) {
	folder, err := s.folder("locks")
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(folder, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(file.Fd()), how)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, unix.EINTR) {
			file.Close()
			return nil, fmt.Errorf("lock %s of the images: %w", name, err)
		}
	}
}

// store is the lock that keeps everything in the store as it is: shared by those
// who add to it or are about to use something, and taken alone to remove what
// nobody refers to.
const whole = "store"

// Hold keeps all that is in the store there until release is called, and has what
// was to be removed meanwhile removed then. Any number of processes can hold it.
func (s *Store) Hold() (release func(), err error) {
	unlock, err := s.lock(whole, unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	return func() {
		unlock()
		if _, err := os.Lstat(s.path("garbage")); err == nil {
			// What cannot be removed now is garbage for the next one, too.
			_, _ = s.Sweep()
		}
	}, nil
}
