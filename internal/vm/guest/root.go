package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// tree is where the root of the tests lies in the kernel's first file system. It
// is not / itself: that one cannot be the old root of pivot_root(2).
const tree = "/tree"

type mount struct {
	filesystem, target string
	flags              uintptr
	options            string
}

// mounts are those of any machine. Tests put their files on a tmpfs: the file system
// below may not keep extended attributes, which a union's upper layer needs. Where
// there is no devtmpfs, the tree has the devices that matter.
var mounts = []mount{
	{"proc", "/proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	{"sysfs", "/sys", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	{"devtmpfs", "/dev", unix.MS_NOSUID, ""},
	{"devpts", "/dev/pts", unix.MS_NOSUID | unix.MS_NOEXEC, "ptmxmode=0666,mode=0620,gid=5"},
	{"tmpfs", "/dev/shm", unix.MS_NOSUID | unix.MS_NODEV, ""},
	{"tmpfs", "/run", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755"},
	{"tmpfs", "/tmp", unix.MS_NOSUID | unix.MS_NODEV, ""},
	{"tmpfs", "/var/lib", 0, "mode=0755"},
}

// links are those in /dev that the kernel leaves to others, and without which a shell
// has no `<(command)` (Documentation/admin-guide/devices.rst, Compulsory links).
var links = map[string]string{
	"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
}

// enterRoot makes the tree our root, and mounts what belongs there.
func enterRoot() error {
	if err := unix.Mount(tree, tree, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("make %s a mount: %w", tree, err)
	}
	if err := os.Chdir(tree); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move %s to the root: %w", tree, err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("change the root to %s: %w", tree, err)
	}
	for _, mount := range mounts {
		if _, err := mount.attach(); err != nil {
			return err
		}
	}
	for name, target := range links {
		if err := os.Symlink(target, name); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	// Tests are to see what they do on a machine with systemd.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share the mounts: %w", err)
	}
	if err := unix.Sethostname([]byte("guest")); err != nil {
		return fmt.Errorf("name the machine: %w", err)
	}
	return nil
}

// attach mounts it, and makes the folder for it. A kernel that does not know the file
// system does without: the tests that need it say so.
func (m mount) attach() (known bool, err error) {
	if err := os.MkdirAll(m.target, 0o755); err != nil {
		return false, err
	}
	err = unix.Mount(m.filesystem, m.target, m.filesystem, m.flags, m.options)
	if errors.Is(err, unix.ENODEV) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("mount %s on %s: %w", m.filesystem, m.target, err)
	}
	return true, nil
}
