package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// protectPaths makes the specification's read-only paths read-only and hides its
// masked ones, and makes the root read-only if it is to be. A path that this kernel
// does not have needs no protection.
func protectPaths(spec *specs.Spec, log explain.Log) error {
	for _, path := range spec.Linux.ReadonlyPaths {
		if err := makeReadOnly(path, log); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make %s read-only: %w", path, err)
		}
	}
	for _, path := range spec.Linux.MaskedPaths {
		if err := mask(path, log); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("mask %s: %w", path, err)
		}
	}
	if !spec.Root.Readonly {
		return nil
	}
	return makeMountReadOnly("/", log)
}

// makeMountReadOnly does so with one mount: what is mounted in it stays as it was asked
// for.
func makeMountReadOnly(path string, log explain.Log) error {
	log.Run(explain.Beyond, "mount", "-o", "remount,bind,ro", path)
	mount, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(mount)
		err = restrict(mount, unix.MS_RDONLY, false)
	}
	if err != nil {
		return fmt.Errorf("make the mount on %s read-only: %w", path, err)
	}
	return nil
}

// makeReadOnly binds path to itself, read-only. The clone keeps the nosuid, nodev
// and noexec of the mount that it comes from.
func makeReadOnly(path string, log explain.Log) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	log.Run(explain.Beyond, "mount", "--rbind", path, path)
	log.Run(explain.Beyond, "mount", "-o", "remount,bind,ro", path)
	if err := restrict(tree, unix.MS_RDONLY, true); err != nil {
		return err
	}
	return unix.MoveMount(tree, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// mask hides a folder under an empty one and a file under /dev/null, which is
// the device that we have just made and nothing of the image.
func mask(path string, log explain.Log) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		flags := uintptr(unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
		log.Run(explain.Beyond, "mount", "-t", "tmpfs", "-o", "ro,nosuid,nodev,noexec,size=0,nr_inodes=1,mode=755", "tmpfs", path)
		return unix.Mount("tmpfs", path, "tmpfs", flags, "size=0,nr_inodes=1,mode=755")
	}
	log.Run(explain.Beyond, "mount", "--bind", "/dev/null", path)
	return unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
}
