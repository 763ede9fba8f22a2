package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Layers are the folders of which a union mount makes one. In the union a file is
// looked for from the top down. The lower layer is never changed: a file that is
// about to be is first copied up (copy-on-write), and one that is deleted gets a
// mark in the upper layer that hides it, a whiteout.
type Layers struct {
	Lower string // the image, read-only, shared by all its containers
	Upper string // what the container has written
	Work  string // overlay's own, next to Upper
}

// inherit gives the upper layer the owner and the mode of the lower: the root of a
// union is the folder of its upper layer, and it is to be as the image has it.
func (l Layers) inherit() error {
	var stat unix.Stat_t
	if err := unix.Stat(l.Lower, &stat); err != nil {
		return fmt.Errorf("look at the layer %s: %w", l.Lower, err)
	}
	if err := errors.Join(unix.Chown(l.Upper, int(stat.Uid), int(stat.Gid)), unix.Chmod(l.Upper, stat.Mode&0o7777)); err != nil {
		return fmt.Errorf("make the layer %s like the one below: %w", l.Upper, err)
	}
	return nil
}

// Union mounts layers as one. The drivers do the same with other names:
//
//	                         aufs                     overlay
//	a layer is called        branch                   layer
//	file f is deleted        empty file .wh.f         character device f, 0:0
//	folder d is replaced     d/.wh..wh..opq           attribute trusted.overlay.opaque=y of d
//	where it is mounted      nowhere: see sysfs       in /proc/mounts
type Union interface {
	Mount(layers Layers, target string) error
	// Deleted returns what the whiteouts in an upper layer hide, as paths in the
	// container.
	Deleted(upper string) ([]string, error)
}

// ChooseUnion returns the driver called name, or the one that this kernel has.
func ChooseUnion(name string) (Union, error) {
	filesystems, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return nil, fmt.Errorf("ask which file systems there are: %w", err)
	}
	return chooseUnion(name, string(filesystems))
}

// chooseUnion prefers aufs, which few kernels have. Overlay may be a module that
// is loaded when it is first mounted, and not on the list before.
func chooseUnion(name, filesystems string) (Union, error) {
	hasAUFS := strings.Contains(filesystems, "\taufs\n")
	switch {
	case name == "aufs" && !hasAUFS:
		return nil, fmt.Errorf("this kernel has no aufs: leave --storage-driver out")
	case name == "aufs", name == "" && hasAUFS:
		return aufs{}, nil
	case name == "overlay", name == "":
		return overlay{}, nil
	default:
		return nil, fmt.Errorf("unknown storage driver %q: aufs or overlay", name)
	}
}

// walkUpper looks at everything in an upper layer; name returns the name of what
// an entry hides, or "" for one that hides nothing.
func walkUpper(upper string, name func(path string, entry fs.DirEntry) (string, error)) ([]string, error) {
	var hidden []string
	err := filepath.WalkDir(upper, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		found, err := name(path, entry)
		if found != "" {
			hidden = append(hidden, strings.TrimPrefix(filepath.Join(filepath.Dir(path), found), upper))
		}
		return err
	})
	return hidden, err
}
