package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// protectPaths makes the specification's read-only paths read-only and hides its
// masked ones. A path that this kernel does not have needs no protection.
func protectPaths(linux *specs.Linux) error {
	for _, path := range linux.ReadonlyPaths {
		if err := makeReadOnly(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make %s read-only: %w", path, err)
		}
	}
	for _, path := range linux.MaskedPaths {
		if err := mask(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("mask %s: %w", path, err)
		}
	}
	return nil
}

// makeReadOnly binds path to itself, read-only. The clone keeps the nosuid, nodev
// and noexec of the mount that it comes from.
func makeReadOnly(path string) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := restrict(tree, "", unix.AT_EMPTY_PATH, unix.MS_RDONLY); err != nil {
		return err
	}
	return unix.MoveMount(tree, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// mask hides a folder under an empty one and a file under /dev/null, which is
// the device that we have just made and nothing of the image.
func mask(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		flags := uintptr(unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
		return unix.Mount("tmpfs", path, "tmpfs", flags, "size=0,nr_inodes=1,mode=755")
	}
	return unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
}
