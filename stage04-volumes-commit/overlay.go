package main

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// overlay is the union file system of Linux since 3.18 (overlayfs.rst).
//
// It moves a file that it has copied up from Work to Upper when it is complete, so
// both must be on one file system; Work belongs to the kernel alone.
type overlay struct{}

// Mount mounts the union of layers on target. There is no device to mount: by custom
// the source is called none.
//
//learn:exercise
func (o overlay) Mount(layers Layers, target string) error {
	if err := unix.Mount("none", target, "overlay", 0, o.options(layers)); err != nil {
		return fmt.Errorf("mount overlay on %s: %w", target, err)
	}
	return nil
}

func (overlay) options(layers Layers) string {
	return "lowerdir=" + layers.Lower + ",upperdir=" + layers.Upper + ",workdir=" + layers.Work
}

// Deleted looks for character devices with the numbers 0 and 0, which stand for no
// device. Such a one hides a file of its own name; all other entries hide nothing.
//
//learn:exercise
func (overlay) Deleted(upper string) ([]string, error) {
	return walkUpper(upper, func(path string, entry fs.DirEntry) (string, error) {
		if entry.Type()&fs.ModeCharDevice == 0 {
			return "", nil
		}
		var stat unix.Stat_t
		if err := unix.Lstat(path, &stat); err != nil || stat.Rdev != 0 {
			return "", err
		}
		return entry.Name(), nil
	})
}
