package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// writeWhole writes a file that is then there as a whole or not at all. Until it is, it
// has no name (open(2), O_TMPFILE): nothing is left of it if we are killed. What is there
// and is no ordinary file, such as a pipe, is written to.
func writeWhole(path string, write func(io.Writer) error) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeInto(path, write)
	}
	descriptor, err := unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) {
		return writeBeside(path, write) // this file system has none without a name
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	file := os.NewFile(uintptr(descriptor), path)
	defer file.Close()
	if err := write(file); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return giveName(file, path)
}

// giveName names a file, in the place of another if there is one.
func giveName(file *os.File, path string) error {
	nameless := fmt.Sprintf("/proc/self/fd/%d", file.Fd())
	err := unix.Linkat(unix.AT_FDCWD, nameless, unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	beside := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid()))
	if err := unix.Linkat(unix.AT_FDCWD, nameless, unix.AT_FDCWD, beside, unix.AT_SYMLINK_FOLLOW); err != nil {
		return err
	}
	if err := os.Rename(beside, path); err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	return nil
}

func writeBeside(path string, write func(io.Writer) error) error {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o600), renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return err
	}
	defer file.Cleanup() //nolint:errcheck // what stays is a temporary file, and the error of the writing says more
	if err := write(file); err != nil {
		return err
	}
	return file.CloseAtomicallyReplace()
}

func writeInto(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
