package runtime

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// splitMounts separates the mount that is the root from those inside it.
func splitMounts(spec *specs.Spec) (root specs.Mount, others []specs.Mount, err error) {
	root = specs.Mount{Destination: "/", Source: spec.Root.Path, Options: []string{"bind"}}
	for index, mount := range spec.Mounts {
		switch {
		case mount.Destination != "/":
			others = append(others, mount)
		case index == 0:
			root = mount
		default:
			return root, nil, errors.New("a mount on / is not the first one of the specification")
		}
	}
	return root, others, nil
}

// mountRoot mounts the root file system at path. It makes all mounts private
// first: our namespace is a copy of the host's, and where those are shared
// (mount_namespaces(7)) ours would appear there.
func mountRoot(root specs.Mount, path string, log explain.Log) error {
	if err := makePrivate(log); err != nil {
		return err
	}
	switch root.Type {
	case "overlay":
		return mountOverlay(root.Options, path, log)
	case "aufs":
		return mountAUFS(root.Options, path, log)
	}
	log.Run(explain.Layers, "mount", "--bind", root.Source, path)
	if err := unix.Mount(root.Source, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind the root %s to itself: %w", path, err)
	}
	return nil
}

func makePrivate(log explain.Log) error {
	log.Run(explain.Namespaces, "mount", "--make-rprivate", "/")
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	return nil
}

// pivot makes path, a mount point that is known as name, the root of this mount
// namespace and lets go of the old root. Unlike after chroot(2), there is then nothing
// left to escape to.
func pivot(path, name string, log explain.Log) error {
	log.Run(explain.Layers, "cd", name)
	if err := unix.Chdir(path); err != nil {
		return fmt.Errorf("enter the root %s: %w", path, err)
	}
	// With "." for both, the old root is stacked on the new one at the same
	// place (pivot_root(2), NOTES), and no folder in the image is needed to put
	// it in: an image could have made that folder a trap.
	log.Run(explain.Layers, "pivot_root", ".", ".")
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot into the root %s: %w", path, err)
	}
	log.Run(explain.Layers, "umount", "-l", ".")
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("detach the host's root: %w", err)
	}
	log.Run(explain.Layers, "cd", "/")
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("enter the new root: %w", err)
	}
	return nil
}
