package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long somebody else may hold a lock.
const patience = 30 * time.Second

// lockFile opens the file at path, which it makes if need be, with the folders it is
// in, and locks it (flock(2)). The kernel unlocks it when the file is closed, or when
// its holder dies, however that happens.
func lockFile(path string) (*os.File, error) {
	deadline := time.Now().Add(patience)
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
				continue
			}
		}
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		current, err := lockOpened(file, path, deadline)
		if err == nil && current {
			return file, nil
		}
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

// lockOpened locks an open file, and reports whether it is still the one at path: its
// last holder may have removed it.
func lockOpened(file *os.File, path string, deadline time.Time) (bool, error) {
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 5*time.Millisecond) {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return false, err
		}
		if time.Now().After(deadline) {
			return false, fmt.Errorf("somebody has held it for %v", patience)
		}
		<-time.After(pause)
	}
	opened, err := file.Stat()
	if err != nil {
		return false, err
	}
	current, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, current), err
}

// withAddresses calls do with the addresses that are kept at path, and nobody else
// works on them meanwhile. If they are not kept there, owned says who has which; so it
// is for a file that is something else: that is damaged, and begun anew.
func withAddresses(path string, subnet netip.Prefix, do func(*addresses) error, owned func() (map[netip.Addr]string, error)) error {
	file, err := lockFile(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := emptyIfDamaged(file); err != nil {
		return fmt.Errorf("mend %s: %w", path, err)
	}
	a, err := openAddresses(subnet, file, owned)
	if err != nil {
		return err
	}
	return do(a)
}

// emptyIfDamaged empties a file that does not begin as addresses do, or in which they
// were not begun to the end.
func emptyIfDamaged(file *os.File) error {
	head := make([]byte, 8)
	count, err := file.ReadAt(head, magicAt)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if count == 0 || binary.LittleEndian.Uint64(head) == addressesMagic {
		return nil
	}
	return file.Truncate(0)
}
