package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Commit makes an image of a container: of all that is in its root file system but
// for what is mounted there, the volumes and what is the kernel's. If it runs, it goes
// on meanwhile. An image that has the name already is replaced.
func Commit(folder, name, image string) error {
	if err := checkName(name); err != nil {
		return err
	}
	root, err := stateRoot(folder)
	if err != nil {
		return err
	}
	path, err := imagePath(root, image)
	if err != nil {
		return err
	}
	rootfs := containerRootfs(root, name)
	unlock, err := lock(rootfs.folder) // Remove waits for it
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no such container: %s", name)
	}
	if err != nil {
		return fmt.Errorf("commit %s: %w", name, err)
	}
	defer unlock()
	view, err := rootfs.mountedView(root)
	if err != nil {
		return fmt.Errorf("commit %s: %w", name, err)
	}
	defer view.Close()
	if err := writeImage(path, func(to io.Writer) error { return archive(view, to) }); err != nil {
		return fmt.Errorf("commit %s to the image %s: %w", name, image, err)
	}
	return nil
}

// mountedView is view, also for a container that has ended: its union is mounted for
// the moment in which the view of it is made.
func (r *Rootfs) mountedView(root string) (view *os.Root, err error) {
	record, err := loadRecord(root, r.name)
	if err != nil || record.ExitCode == nil {
		return r.view()
	}
	if r.union, err = ChooseUnion(record.StorageDriver); err != nil {
		return nil, err
	}
	r.layer = record.Layer
	if err := r.union.Mount(r.layers(), r.Path); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unix.Unmount(r.Path, 0)) }()
	return r.view()
}

// view opens the root file system without the volumes. The kernel clones the mount
// of the union (open_tree(2)), and not those below it; the clone is mounted nowhere,
// and is gone when nobody has a file of it open. A container where nothing is mounted
// is not running, and that is an error.
//
//learn:exercise
func (r *Rootfs) view() (*os.Root, error) {
	mountpoints, err := mountsAt(r.Path)
	if err != nil {
		return nil, err
	}
	if len(mountpoints) == 0 {
		return nil, errors.New("the container is not running")
	}
	clone, err := unix.OpenTree(unix.AT_FDCWD, r.Path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("clone the mount %s: %w", r.Path, err)
	}
	defer unix.Close(clone)
	return os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", clone))
}

// writeImage has write write an image. Who comes while somebody else is at it waits.
func writeImage(path string, write func(io.Writer) error) error {
	unlock, err := lock(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer unlock()
	return replaceFile(path, write)
}
