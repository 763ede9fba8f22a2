package main

import (
	"fmt"
	"os"
	"strings"
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

// Union mounts layers as one. The drivers do the same with other names:
//
//	                         aufs                     overlay
//	a layer is called        branch                   layer
//	file f is deleted        empty file .wh.f         character device f, 0:0
//	folder d is replaced     d/.wh..wh..opq           attribute trusted.overlay.opaque=y of d
//	where it is mounted      nowhere: see sysfs       in /proc/mounts
type Union interface {
	Mount(layers Layers, target string) error
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
