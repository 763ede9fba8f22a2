package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// RemoveAll removes path and everything below it, if it exists. It follows no
// link, and it does not enter another file system: what is mounted below path is
// somebody else's, and makes it fail with EXDEV before anything in there is lost.
func RemoveAll(path string) error {
	folder, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	defer unix.Close(folder)
	if err := removeAt(folder, filepath.Base(path)); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

func removeAt(folder int, name string) error {
	err := unix.Unlinkat(folder, name, 0)
	// POSIX has EPERM for a folder, Linux EISDIR (unlink(2)).
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return ignoreMissing(err)
	}
	if err := removeContent(folder, name); err != nil {
		return ignoreMissing(err)
	}
	return ignoreMissing(unix.Unlinkat(folder, name, unix.AT_REMOVEDIR))
}

// removeContent empties a folder. RESOLVE_NO_XDEV stops at mount points, of the
// same file system too.
func removeContent(folder int, name string) error {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH,
	}
	descriptor, err := unix.Openat2(folder, name, &how)
	if err != nil {
		return err
	}
	opened := os.NewFile(uintptr(descriptor), name)
	defer opened.Close()
	names, err := opened.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, entry := range names {
		if err := removeAt(descriptor, entry); err != nil {
			return err
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}
