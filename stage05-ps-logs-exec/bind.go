package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// mount mounts the volume in the root file system that is mounted at root, and
// with it whatever is mounted below its source. What it has mounted when it fails,
// Remove of the root unmounts.
func (v Volume) mount(root string) error {
	before, err := mountsAt(root)
	if err != nil {
		return err
	}
	logrus.Debugf("run: mount --rbind %s %s%s", v.Source, root, v.Destination)
	if err := v.bind(root); err != nil {
		return fmt.Errorf("mount %s on %s: %w", v.Source, v.Destination, err)
	}
	if !v.ReadOnly {
		return nil
	}
	after, err := mountsAt(root)
	if err != nil {
		return err
	}
	for _, mountpoint := range after[len(before):] {
		logrus.Debugf("run: mount -o remount,bind,ro %s", mountpoint)
		if err := remountReadOnly(mountpoint); err != nil {
			return err
		}
	}
	return nil
}

// bind mounts the source on the destination below root, with whatever is mounted below
// the source, and makes the destination if it is missing. Links in the source lead to
// where they lead on the host, and links in the destination never out of root. What is
// unmounted here later stays mounted on the host.
//
//learn:exercise
func (v Volume) bind(root string) error {
	info, err := os.Stat(v.Source)
	if err != nil {
		return err
	}
	source, err := filepath.EvalSymlinks(v.Source)
	if err != nil {
		return err
	}
	return inside(root, filepath.Dir(source), func() error {
		if err := makeDestination(v.Destination, info.IsDir()); err != nil {
			return err
		}
		if err := unix.Mount("./"+filepath.Base(source), v.Destination, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
		// Where the source's mounts are shared, ours are their peers, and to unmount
		// one of ours would unmount one of theirs (mount_namespaces(7)).
		return unix.Mount("", v.Destination, "", unix.MS_PRIVATE|unix.MS_REC, "")
	})
}

// inside calls do with root as the root directory: the kernel follows the links of
// an image to where they lead in the container, whatever they are. The working
// directory is the folder, which stays in reach by its relative name although it is
// outside. Chapter 3 has shown that chroot(2) leaves that way out, and here it is
// taken: to reach the folder, and to come back.
func inside(root, folder string, do func() error) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Unshare(unix.CLONE_FS); err != nil { // all threads have one root and one working directory otherwise
		return err
	}
	outside, err := os.Open("/")
	if err != nil {
		return err
	}
	defer outside.Close()
	here, err := os.Open(".")
	if err != nil {
		return err
	}
	defer here.Close()
	defer func() {
		err = errors.Join(err, unix.Fchdir(int(outside.Fd())), unix.Chroot("."), unix.Fchdir(int(here.Fd())))
	}()
	if err := unix.Chdir(folder); err != nil {
		return err
	}
	if err := unix.Chroot(root); err != nil {
		return err
	}
	return do()
}

// makeDestination makes what is to be mounted on, unless it exists: a folder for a
// folder, and a file for anything else.
func makeDestination(path string, folder bool) error {
	if folder {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY|unix.O_NONBLOCK, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}

// remountReadOnly makes one mount read-only. The flag belongs to the mount, so each
// below it needs its own; and what a mount already forbids (nosuid, nodev, noexec) must
// be said again: statfs(2) tells it.
//
//learn:exercise
func remountReadOnly(mountpoint string) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(mountpoint, &stat); err != nil {
		return fmt.Errorf("look at the mount %s: %w", mountpoint, err)
	}
	forbidden := uintptr(stat.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if err := unix.Mount("", mountpoint, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|forbidden, ""); err != nil {
		return fmt.Errorf("make the mount %s read-only: %w", mountpoint, err)
	}
	return nil
}

// mountsAt returns where something is mounted, at or below path, in the order in
// which it was mounted. The kernel's list has no links in its paths.
func mountsAt(path string) ([]string, error) {
	path, err := filepath.EvalSymlinks(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for mounts: %w", err)
	}
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("look for mounts: %w", err)
	}
	var mountpoints []string
	for line := range strings.Lines(string(mountinfo)) {
		mount, err := parseMount(line)
		if err != nil {
			return nil, err
		}
		if mount.mountpoint == path || strings.HasPrefix(mount.mountpoint, path+"/") {
			mountpoints = append(mountpoints, mount.mountpoint)
		}
	}
	return mountpoints, nil
}
