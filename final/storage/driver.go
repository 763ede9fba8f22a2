package storage

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Driver is a union file system: it shows several layers as one folder, and keeps
// what is changed in there in a layer of its own. What a layer deletes from those
// below it is written in a way of the driver's:
//
//	                    overlay                                   aufs
//	f is deleted        character device f, 0:0                   empty file .wh.f
//	d is replaced       attribute trusted.overlay.opaque=y of d   empty file d/.wh..wh..opq
type Driver interface {
	// Name is what the driver is called in records and on the command line.
	Name() string
	// Mount is the root of a container whose layers are, from the top down, upper,
	// where it writes, and lower. work is the driver's own, on the file system
	// of upper.
	Mount(lower []string, upper, work string) (specs.Mount, error)

	hide(folder int, name string) error   // name, in the layers below
	reveal(folder int, name string) error // takes hide back
	seal(folder int) error                // hides all that lower layers have in it
	sealed(folder int) (bool, error)
	marked(name string) string // what hide calls its mark
	classify(entry *entry)     // tells a mark from a file
}

// Choose returns the driver called name, or with "" the one that suits this
// kernel: overlay, which is part of Linux and is given more care, and only where
// that is missing aufs. What a container has written can be read by the driver
// that wrote it alone, so its record names that.
func Choose(name string) (Driver, error) {
	filesystems, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return nil, fmt.Errorf("ask which file systems the kernel has: %w", err)
	}
	return choose(name, string(filesystems))
}

// choose takes overlay to be there if aufs is not: as a module it is loaded by its
// first mount, and not on the list before.
func choose(name, filesystems string) (Driver, error) {
	hasOverlay := strings.Contains(filesystems, "\toverlay\n")
	hasAUFS := strings.Contains(filesystems, "\taufs\n")
	switch {
	case name == "aufs" && !hasAUFS:
		return nil, errors.New("this kernel has no aufs: use --storage-driver overlay")
	case name == "aufs", name == "" && hasAUFS && !hasOverlay:
		return AUFS{}, nil
	case name == "overlay", name == "overlay2", name == "":
		return Overlay{}, nil
	default:
		return nil, fmt.Errorf("unknown storage driver %q: overlay or aufs", name)
	}
}

// above returns those of layers, from the top down, that can be seen: where the
// root itself is sealed, nothing of the ones below. The kernel looks for that mark
// in every folder but the root.
func above(driver Driver, layers []string) ([]string, error) {
	for index, layer := range layers {
		folder, err := unix.Open(layer, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("open the layer %s: %w", layer, err)
		}
		sealed, err := driver.sealed(folder)
		unix.Close(folder)
		if err != nil {
			return nil, fmt.Errorf("look at the layer %s: %w", layer, err)
		}
		if sealed {
			return layers[:index+1], nil
		}
	}
	return layers, nil
}
