package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Rootfs is the root file system of one container: a write layer of its own over
// the layer of its image, mounted below ROOT/containers/ID.
type Rootfs struct {
	Path   string // where the union is mounted
	folder string
	union  Union
}

// NewRootfs makes the root file system of a new container. On an error nothing of
// it is left.
func NewRootfs(options Options) (*Rootfs, error) {
	root, err := filepath.Abs(options.Root)
	if err != nil {
		return nil, fmt.Errorf("find the state folder: %w", err)
	}
	// These separate the layers in the options of the mounts.
	if strings.ContainsAny(root, `:,\=`) {
		return nil, fmt.Errorf(`the state folder %q has one of : , \ = in its name: choose another with --root`, root)
	}
	union, err := ChooseUnion(options.StorageDriver)
	if err != nil {
		return nil, err
	}
	lower, err := Layer(root, options.Image)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(root, "containers", rand.Text())
	rootfs := &Rootfs{Path: filepath.Join(folder, "merged"), folder: folder, union: union}
	if err := rootfs.mount(lower); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return rootfs, nil
}

func (r *Rootfs) mount(lower string) error {
	layers := Layers{Lower: lower, Upper: filepath.Join(r.folder, "upper"), Work: filepath.Join(r.folder, "work")}
	for _, folder := range []string{layers.Upper, layers.Work, r.Path} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("make the container's folders: %w", err)
		}
	}
	if err := layers.inherit(); err != nil {
		return err
	}
	return r.union.Mount(layers, r.Path)
}

// Deleted returns the files of the image that the container has deleted.
func (r *Rootfs) Deleted() ([]string, error) {
	deleted, err := r.union.Deleted(filepath.Join(r.folder, "upper"))
	if err != nil {
		return nil, fmt.Errorf("look at what the container has written: %w", err)
	}
	return deleted, nil
}

// Remove unmounts the root and then removes what the container has written. Only
// then: to remove a folder in which something is still mounted removes what is
// mounted, and that may be somebody's data.
//
//learn:exercise
func (r *Rootfs) Remove() error {
	if err := unix.Unmount(r.Path, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", r.Path, err)
	}
	if err := os.RemoveAll(r.folder); err != nil {
		return fmt.Errorf("remove the container's folders: %w", err)
	}
	return nil
}
