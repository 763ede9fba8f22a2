package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

const noTricks = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// mountAll mounts what the kernel and not the image has to say, in the new root.
// It comes after pivot_root: whatever links the image has then lead to places in
// the image.
func mountAll() error {
	for _, mount := range []struct {
		target, filesystem string
		flags              uintptr
		data               string
	}{
		{"/proc", "proc", noTricks, ""},
		{"/sys", "sysfs", noTricks | unix.MS_RDONLY, ""},
		{"/dev", "tmpfs", unix.MS_NOSUID, "mode=755"},
	} {
		logrus.Debugf("init: mount -t %s none %s", mount.filesystem, mount.target)
		if err := mountPoint(mount.target); err != nil {
			return fmt.Errorf("mount %s: %w", mount.target, err)
		}
		if err := unix.Mount("none", mount.target, mount.filesystem, mount.flags, mount.data); err != nil {
			return fmt.Errorf("mount %s: %w", mount.target, err)
		}
	}
	return makeDevices()
}

// mountPoint makes a folder to mount on, unless it exists. An image may have
// anything else there; programs trust what they find under these names.
func mountPoint(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return os.Mkdir(path, 0o755)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("the image has something there that is no folder")
	}
	return nil
}

// makeDevices makes the devices that harm nobody, null(4) and random(4) and tty(4),
// and the names by which a shell finds its own open files.
func makeDevices() error {
	defer unix.Umask(unix.Umask(0))
	for _, device := range []struct {
		path         string
		major, minor uint32
	}{
		{"/dev/null", 1, 3}, {"/dev/zero", 1, 5}, {"/dev/full", 1, 7}, {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
	} {
		if err := unix.Mknod(device.path, unix.S_IFCHR|0o666, int(unix.Mkdev(device.major, device.minor))); err != nil {
			return fmt.Errorf("make %s: %w", device.path, err)
		}
	}
	for path, target := range map[string]string{
		"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, path); err != nil {
			return fmt.Errorf("make %s: %w", path, err)
		}
	}
	return nil
}
