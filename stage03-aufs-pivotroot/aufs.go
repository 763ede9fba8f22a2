package main

import (
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// aufs is the union file system with which Docker began. It is not part of Linux,
// but of kernels that some distributions have built with it.
//
// A branch is writable (rw) or read-only (ro). With "ro+wh", whiteouts that are
// already in a read-only branch count too: that is how an image of several layers
// deletes what a lower one has.
type aufs struct{}

// Mount mounts the union of layers on target, as overlay's does.
//
//learn:exercise
func (a aufs) Mount(layers Layers, target string) error {
	if err := unix.Mount("none", target, "aufs", 0, a.options(layers)); err != nil {
		return fmt.Errorf("mount aufs on %s: %w", target, err)
	}
	return nil
}

// options names the branches from the top down.
func (aufs) options(layers Layers) string {
	return "br=" + layers.Upper + "=rw:" + layers.Lower + "=ro+wh"
}

// Deleted looks for files called .wh.NAME. Those that are called .wh..wh.SOMETHING
// are for aufs itself: an opaque folder holds .wh..wh..opq, for one.
func (aufs) Deleted(upper string) ([]string, error) {
	return walkUpper(upper, func(_ string, entry fs.DirEntry) (string, error) {
		name, whiteout := strings.CutPrefix(entry.Name(), ".wh.")
		switch {
		case !whiteout:
			return "", nil
		case strings.HasPrefix(name, ".wh.") && entry.IsDir():
			return "", fs.SkipDir
		case strings.HasPrefix(name, ".wh."):
			return "", nil
		default:
			return name, nil
		}
	})
}
