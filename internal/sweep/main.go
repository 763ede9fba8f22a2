// Command sweep removes what experiments with the chapters left on the machine:
// the networks and the mounts below the given folders, the folders, and empty cgroups.
//
//	sweep FOLDER...
//
// It refuses, and changes nothing, while a running container uses a folder.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

func main() {
	if err := sweep(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		os.Exit(1)
	}
}

func sweep(roots []string) error {
	for _, root := range roots {
		if !filepath.IsAbs(root) || filepath.Clean(root) != root || strings.Count(root, "/") < 2 {
			return fmt.Errorf("refuse to remove %q: not the folder of an experiment", root)
		}
		if err := refuseIfUsed(root); err != nil {
			return err
		}
	}
	for _, root := range roots {
		if err := removeNetworks(root); err != nil {
			return err
		}
		if err := unmountBelow(root); err != nil {
			return err
		}
		if err := removeAll(root); err != nil {
			return err
		}
	}
	return removeCgroups()
}

// refuseIfUsed looks for a process whose / is a union mount with a branch below
// root: a running container.
func refuseIfUsed(root string) error {
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	for _, process := range processes {
		file, err := os.Open(filepath.Join(process, "mountinfo"))
		if err != nil {
			continue // it ended while we looked, and uses nothing
		}
		used, err := mountinfo.GetMountsFromReader(file, func(mount *mountinfo.Info) (skip, stop bool) {
			return mount.Mountpoint != "/" || !strings.Contains(mount.VFSOptions, root+"/"), false
		})
		file.Close()
		if err == nil && len(used) > 0 {
			return fmt.Errorf("process %s still uses %s: end that container first", filepath.Base(process), root)
		}
	}
	return nil
}

// unmountBelow unmounts root and everything below it, innermost first. Lazily:
// an unmount must not fail because somebody has a shell open in there. The kernel's
// list of mounts has no links in its paths.
func unmountBelow(root string) error {
	root, err := filepath.EvalSymlinks(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(root))
	if err != nil {
		return fmt.Errorf("read the mounts below %s: %w", root, err)
	}
	for _, mount := range slices.Backward(mounts) {
		fmt.Fprintln(os.Stdout, "unmount", mount.Mountpoint)
		if err := unix.Unmount(mount.Mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("unmount %s: %w", mount.Mountpoint, err)
		}
	}
	return nil
}

func removeAll(root string) error {
	if _, err := os.Lstat(root); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	fmt.Fprintln(os.Stdout, "remove", root)
	return os.RemoveAll(root)
}

// removeCgroups removes the cgroups that the chapters made, in every hierarchy.
// A cgroup cannot be removed while it has processes (cgroups(7)).
func removeCgroups() error {
	hierarchies, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return fmt.Errorf("read where the cgroup hierarchies are mounted: %w", err)
	}
	for _, hierarchy := range hierarchies {
		if err := removeCgroupsBelow(hierarchy.Mountpoint); err != nil {
			return err
		}
	}
	return nil
}

func removeCgroupsBelow(hierarchy string) error {
	var found []string
	err := filepath.WalkDir(hierarchy, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody else's cgroup has just gone
		}
		if err == nil && entry.IsDir() && isOurs(strings.TrimPrefix(path, hierarchy)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("look for cgroups below %s: %w", hierarchy, err)
	}
	for _, path := range slices.Backward(found) {
		fmt.Fprintln(os.Stdout, "remove cgroup", path)
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove the cgroup of a container that may still run: %w", err)
		}
	}
	return nil
}

func isOurs(path string) bool {
	return slices.Contains(strings.Split(path, "/"), "mytinydocker")
}
