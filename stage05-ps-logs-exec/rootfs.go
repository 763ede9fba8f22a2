package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

var containerName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}$`)

func checkName(name string) error {
	if !containerName.MatchString(name) {
		return fmt.Errorf("invalid container name %q: 2 to 64 letters, digits and _ . -, a letter or digit first", name)
	}
	return nil
}

// Rootfs is the root file system of one container: a write layer of its own over
// the layer of its image, and the volumes, mounted below ROOT/containers/NAME.
type Rootfs struct {
	Path   string // where the union is mounted
	name   string // of the container
	folder string
	layer  string // of the image
	union  Union
}

// stateRoot returns the absolute path of the folder of images, layers and
// containers.
func stateRoot(folder string) (string, error) {
	root, err := filepath.Abs(folder)
	if err != nil {
		return "", fmt.Errorf("find the state folder: %w", err)
	}
	// These separate the layers in the options of the mounts.
	if strings.ContainsAny(root, `:,\=`) {
		return "", fmt.Errorf(`the state folder %q has one of : , \ = in its name: choose another with --root`, root)
	}
	return root, nil
}

// NewRootfs makes the root file system of a new container. On an error nothing of
// it is left. The folder is the container's claim to its name: mkdir(2) makes it for
// one of many who try.
func NewRootfs(options Options) (*Rootfs, error) {
	root, err := stateRoot(options.Root)
	if err != nil {
		return nil, err
	}
	union, err := ChooseUnion(options.StorageDriver)
	if err != nil {
		return nil, err
	}
	lower, err := Layer(root, options.Image)
	if err != nil {
		return nil, err
	}
	name := options.Name
	if name == "" {
		name = strings.ToLower(rand.Text()[:12])
	}
	rootfs := containerRootfs(root, name)
	rootfs.layer, rootfs.union = lower, union
	if err := os.MkdirAll(filepath.Dir(rootfs.folder), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of containers: %w", err)
	}
	err = os.Mkdir(rootfs.folder, 0o700)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("the container name %q is taken", name)
	}
	if err != nil {
		return nil, fmt.Errorf("make the container's folder: %w", err)
	}
	if err := rootfs.mount(options.Volumes); err != nil {
		return nil, errors.Join(err, rootfs.Remove())
	}
	return rootfs, nil
}

func containerRootfs(root, name string) *Rootfs {
	folder := filepath.Join(root, "containers", name)
	return &Rootfs{Path: filepath.Join(folder, "merged"), name: name, folder: folder}
}

// mount mounts the union and then, in it, the volumes.
func (r *Rootfs) mount(volumes []Volume) error {
	layers := r.layers()
	for _, folder := range []string{layers.Upper, layers.Work, r.Path} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			return fmt.Errorf("make the container's folders: %w", err)
		}
	}
	if err := layers.inherit(); err != nil {
		return err
	}
	if err := r.union.Mount(layers, r.Path); err != nil {
		return err
	}
	for _, volume := range volumes {
		if err := volume.mount(r.Path); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rootfs) layers() Layers {
	return Layers{Lower: r.layer, Upper: filepath.Join(r.folder, "upper"), Work: filepath.Join(r.folder, "work")}
}

// Deleted returns the files of the image that the container has deleted.
func (r *Rootfs) Deleted() ([]string, error) {
	deleted, err := r.union.Deleted(filepath.Join(r.folder, "upper"))
	if err != nil {
		return nil, fmt.Errorf("look at what the container has written: %w", err)
	}
	return deleted, nil
}

// Unmount unmounts the volumes and the root, the last mounted first. A commit that
// is reading it, and holds the lock of the container's folder, is waited for. What
// stays mounted ends it: whoever goes on to remove a folder in which something is
// mounted removes that, and it is somebody's data. Nothing mounted is no error.
// For --debug, each is told before it goes: logrus.Debugf("run: umount %s", mountpoint).
//
//learn:exercise
func (r *Rootfs) Unmount() error {
	unlock, err := lock(r.folder)
	if err != nil {
		return fmt.Errorf("unmount the container: %w", err)
	}
	defer unlock()
	mountpoints, err := mountsAt(r.Path)
	if err != nil {
		return err
	}
	for _, mountpoint := range slices.Backward(mountpoints) {
		logrus.Debugf("run: umount %s", mountpoint)
		if err := unix.Unmount(mountpoint, unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("unmount %s: %w", mountpoint, err)
		}
	}
	return nil
}

// Remove unmounts the root and then removes what the container has written. The
// folder on which the root was mounted has to be empty then: rmdir(2) fails if
// anything is still in it or mounted on it.
func (r *Rootfs) Remove() error {
	if err := r.Unmount(); err != nil {
		return err
	}
	if err := unix.Rmdir(r.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the folder of the root %s: %w", r.Path, err)
	}
	if err := os.RemoveAll(r.folder); err != nil {
		return fmt.Errorf("remove the container's folders: %w", err)
	}
	return nil
}
